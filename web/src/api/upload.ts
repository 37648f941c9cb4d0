import { ApiError, parseError, readClock } from './http'
import type { MediaKind, Schemas } from './types'

/** A material that need not be sent: the gateway has it, or it is an address. */
export interface NamedMaterial {
  /** The material's id or its address: what a request names it by. */
  ref: string
  kind: MediaKind
  name: string
  /** A link that shows it, if the gateway has it. */
  preview: string | null
}

export type DraftMaterial = File | NamedMaterial

export interface Draft {
  model: string
  prompt: string
  duration: number | null
  ratio: string | null
  resolution: string | null
  /** In the order in which the prompt counts them. */
  materials: DraftMaterial[]
}

export const isFile = (material: DraftMaterial): material is File => material instanceof File
export const isNamed = (material: DraftMaterial): material is NamedMaterial => !isFile(material)

type Send = <T>(path: string, form: FormData) => Promise<T>

/** Sends a draft. onProgress gets the fraction of the files that is on its way, from 0 to 1. */
export async function createTask(
  draft: Draft,
  onProgress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Schemas['Accepted']> {
  const send: Send = (path, form) => post(path, form, onProgress, signal)
  return send('/v1/videos/generations', formData(await inOrder(draft, send)))
}

/**
 * A form has its files before what it names. Where that is not the order in which
 * the prompt counts them, the files are uploaded first and then named as well.
 */
async function inOrder(draft: Draft, send: Send): Promise<Draft> {
  const files = draft.materials.filter(isFile)
  if (files.length === 0 || files.length === draft.materials.length) return draft
  const materials = [...draft.materials]
  for (const [index, file] of materials.entries()) {
    if (!isFile(file)) continue
    const form = new FormData()
    form.append('files', file, file.name)
    const { materials: kept } = await send<Schemas['MaterialsAnswer']>('/api/v1/materials', form)
    const item = kept[0]
    if (item) materials[index] = { ref: item.id, kind: item.kind, name: file.name, preview: item.url }
  }
  return { ...draft, materials }
}

function formData(draft: Draft): FormData {
  const form = new FormData()
  form.set('model', draft.model)
  form.set('prompt', draft.prompt)
  if (draft.duration !== null) form.set('duration', String(draft.duration))
  if (draft.ratio !== null) form.set('ratio', draft.ratio)
  if (draft.resolution !== null) form.set('resolution', draft.resolution)
  for (const material of draft.materials) {
    if (isFile(material)) form.append('files', material, material.name)
    else form.append('file_paths', material.ref)
  }
  return form
}

/** XMLHttpRequest, because fetch tells nothing of an upload's progress. */
function post<T>(
  path: string,
  form: FormData,
  onProgress: (sent: number) => void,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', path)
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
        resolve(JSON.parse(xhr.responseText) as T)
      } catch {
        reject(new ApiError(xhr.status, `HTTP ${xhr.status}`))
      }
    }
    if (signal.aborted) return reject(new DOMException('aborted', 'AbortError'))
    signal.addEventListener('abort', () => xhr.abort(), { once: true })
    xhr.send(form)
  })
}
