import { expect, test } from 'vitest'
import { en } from './en'
import { zh } from './zh'

interface Tree {
  [key: string]: string | Tree
}

function flatten(tree: Tree, prefix = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + key, value]] : flatten(value, `${prefix}${key}.`),
  )
}

const placeholders = (text: string) => (text.match(/\{\{\w+\}\}/g) ?? []).sort()

// The compiler checks that no key is missing; this checks what it does not see.
test('Chinese fills in the same values as English', () => {
  const chinese = new Map(flatten(zh))
  for (const [key, text] of flatten(en)) {
    if (key.endsWith('_one')) continue
    expect(placeholders(chinese.get(key) ?? ''), key).toEqual(placeholders(text))
  }
  expect(chinese.size).toBe(flatten(en).filter(([key]) => !key.endsWith('_one')).length)
})
