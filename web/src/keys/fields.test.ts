import { expect, test } from 'vitest'
import { changeOf, formOf } from './fields'

test('only what was changed is sent, in the units of the API', () => {
  const was = formOf()
  const now = {
    ...was,
    name: 'farm',
    numbers: { ...was.numbers, max_upload: 20, retention: 7, rate_limit: NaN },
  }
  expect(changeOf(was, now)).toEqual({
    name: 'farm',
    max_upload: 20_000_000,
    retention: 604_800,
    rate_limit: null,
  })
  expect(changeOf(was, was)).toEqual({})
})

test('lists, a moment and metadata are read, and taken away when empty', () => {
  const was = formOf()
  const now = {
    ...was,
    models: 'a, b\nc',
    networks: '',
    expires: '2030-01-02T03:04',
    metadata: '{"team":"film"}',
  }
  const sent = changeOf(was, now)
  expect(sent).toMatchObject({ models: ['a', 'b', 'c'], metadata: { team: 'film' } })
  expect(changeOf(now, was)).toEqual({ models: [], expires_at: null, metadata: null })
  expect(() => changeOf(was, { ...was, metadata: '{' })).toThrow(SyntaxError)
})
