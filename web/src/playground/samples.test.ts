import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import type { Draft } from '../api/upload'
import { emptyDraft } from './draft'
import { languages, sample, type Language } from './samples'

const nasty = 'it\'s "quoted"\n$(id) `id` \\n <b>@2</b> and @1 纸船 🚣'
const file = new File(['x'], 'a "b\'.png', { type: 'image/png' })
const named = { ref: 'mat_1', kind: 'image', name: 'b.png', preview: null } as const
const draft = (change: Partial<Draft>): Draft => ({
  ...emptyDraft,
  model: 'm',
  prompt: nasty,
  duration: 5,
  ...change,
})
const origin = 'https://video.example.com'

/** What a shell hands to curl. */
function words(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }; ${command}`
  const env = { PATH: process.env.PATH ?? '', JIMENG_KEY: 'gw_1' }
  return execFileSync('sh', ['-c', script], { env }).toString().split('\0').slice(0, -1)
}

test('curl sends the prompt as it is', () => {
  const [url, , authorization, , , , body] = words(sample('curl', origin, draft({ materials: [named] })))
  expect(url).toBe('https://video.example.com/api/v1/tasks')
  expect(authorization).toBe('Authorization: Bearer gw_1')
  expect(JSON.parse(body ?? '')).toEqual({ model: 'm', prompt: nasty, duration: 5, file_paths: ['mat_1'] })
})

test('a form has its files first, and the prompt counts them so', () => {
  const sent = words(sample('curl', origin, draft({ materials: [named, file] })))
  expect(sent).toContain(`prompt=${nasty.replace('@2', '@x').replace('@1', '@2').replace('@x', '@1')}`)
  expect(sent).toContain('file_paths=mat_1')
  expect(sent).toContain(`files=@"a \\"b'.png"`)
})

test('python and the others have the prompt as one text', () => {
  for (const language of ['python', 'typescript', 'go'] satisfies Language[]) {
    const form = sample(language, origin, draft({ materials: [file, named] }))
    expect(form, language).toContain(JSON.stringify(nasty))
    expect(form, language).toContain(JSON.stringify(file.name))
    expect(form, language).toContain('"mat_1"')
    expect(sample(language, origin, draft({})), language).not.toContain('form')
  }
})

test('the key is in none of them', () => {
  for (const language of Object.keys(languages) as Language[]) {
    expect(sample(language, origin, draft({}))).toContain('JIMENG_KEY')
  }
})
