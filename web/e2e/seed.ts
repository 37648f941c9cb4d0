import { baseUrl, key } from './environment'

const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }

export async function call(method: string, path: string, data?: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(baseUrl + path, {
    method,
    headers,
    body: data && JSON.stringify(data),
  } as RequestInit)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return JSON.parse(text) as Record<string, unknown>
}

/** Sends tasks past the page, some at once; returns their ids. */
export async function seed(prompts: string[], priority = 0): Promise<string[]> {
  const ids: string[] = []
  for (let at = 0; at < prompts.length; at += 20) {
    const made = await Promise.all(
      prompts
        .slice(at, at + 20)
        .map((prompt) => call('POST', '/api/v1/tasks', { model: 'jimeng-video-3.0', prompt, priority })),
    )
    ids.push(...made.map(({ task }) => (task as { id: string }).id))
  }
  return ids
}

const marks: string[] = []

/** A word that no other task has, so that a list shows those of one test only. */
export function unique(name: string): string {
  const mark = `${name}${Date.now().toString(36)}`
  marks.push(mark)
  return mark
}

export const endAll = (q: string) => call('POST', '/api/v1/tasks/cancel', { filter: { q } })

/** Cancels what the tests have left: it would hold the slots. */
export async function endSeeded(): Promise<void> {
  for (const mark of marks) await endAll(mark)
}
