import { ApiError, parseError, readClock } from './http'
import type { Schemas } from './types'

export interface Draft {
  model: string
  prompt: string
  duration: number | null
  ratio: string | null
  resolution: string | null
  files: File[]
}

/**
 * Sends a draft as multipart. XMLHttpRequest, because fetch tells nothing of an
 * upload's progress. onProgress gets a fraction from 0 to 1.
 */
export function createTask(
  draft: Draft,
  onProgress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Schemas['Accepted']> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', '/v1/videos/generations')
    xhr.setRequestHeader('Accept', 'application/json')
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    }
    xhr.onerror = () => reject(new ApiError(0, 'network'))
    xhr.onabort = () => reject(new DOMException('aborted', 'AbortError'))
    xhr.onload = () => {
      readClock(xhr.getResponseHeader('Date'))
      if (xhr.status < 200 || xhr.status > 299) return reject(parseError(xhr.status, xhr.responseText))
      try {
        resolve(JSON.parse(xhr.responseText) as Schemas['Accepted'])
      } catch {
        reject(new ApiError(xhr.status, `HTTP ${xhr.status}`))
      }
    }
    signal.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(formData(draft))
  })
}

function formData(draft: Draft): FormData {
  const form = new FormData()
  form.set('model', draft.model)
  form.set('prompt', draft.prompt)
  if (draft.duration !== null) form.set('duration', String(draft.duration))
  if (draft.ratio !== null) form.set('ratio', draft.ratio)
  if (draft.resolution !== null) form.set('resolution', draft.resolution)
  for (const file of draft.files) form.append('files', file, file.name)
  return form
}
