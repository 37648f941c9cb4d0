import { expect, test } from 'vitest'
import { newReader, takesLetters } from './shortcuts'

const press = (key: string, more = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  timeStamp: 0,
  ...more,
})

test('two letters lead to a page, if the second comes soon', () => {
  const read = newReader(false)
  expect(read(press('g'), false)).toBeNull()
  expect(read(press('t', { timeStamp: 500 }), false)).toEqual({ page: '/tasks' })
  expect(read(press('t', { timeStamp: 600 }), false)).toBeNull()
  read(press('g', { timeStamp: 1000 }), false)
  expect(read(press('n', { timeStamp: 1100 }), false)).toBeNull()
  expect(read(press('n', { timeStamp: 1200 }), false)).toBe('create')
  read(press('g', { timeStamp: 2000 }), false)
  expect(read(press('?', { timeStamp: 9000 }), false)).toBe('help')
})

test('who types is left alone, but for the palette', () => {
  const read = newReader(false)
  expect(read(press('?'), true)).toBeNull()
  expect(read(press('k', { ctrlKey: true }), true)).toBe('palette')
  expect(read(press('n', { ctrlKey: true }), false)).toBeNull()
})

test('a Mac has another key for the palette', () => {
  expect(newReader(true)(press('k', { metaKey: true }), false)).toBe('palette')
  expect(newReader(true)(press('k', { ctrlKey: true }), false)).toBeNull()
})

test('a field takes letters, a button does not', () => {
  document.body.innerHTML = '<input id="text"><input id="radio" type="radio"><button id="button"></button>'
  expect(takesLetters(document.getElementById('text'))).toBe(true)
  expect(takesLetters(document.getElementById('radio'))).toBe(false)
  expect(takesLetters(document.getElementById('button'))).toBe(false)
})
