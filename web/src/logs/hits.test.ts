import { expect, test } from 'vitest'
import { finder, marked } from './hits'

const hits = (line: string, find: RegExp | null) =>
  marked(line, find)
    .filter(({ isHit }) => isHit)
    .map(({ text }) => text)

test('hits are marked in capitals or not, also over two colours', () => {
  expect(hits('Paper boat, PAPER', finder('paper', false))).toEqual(['Paper', 'PAPER'])
  expect(hits('a \u001b[31mpa\u001b[0mper boat', finder('paper', false))).toEqual(['pa', 'per'])
  expect(marked('a paper boat', finder('paper', false)).map(({ text }) => text)).toEqual([
    'a ',
    'paper',
    ' boat',
  ])
})

test('text is no expression, and an expression is no text', () => {
  expect(hits('1.5 and 115', finder('1.5', false))).toEqual(['1.5'])
  expect(hits('1.5 and 115', finder('1.5', true))).toEqual(['1.5', '115'])
  expect(hits('none', finder('x*', true))).toEqual([])
  expect(finder('(', true)).toBeNull()
})
