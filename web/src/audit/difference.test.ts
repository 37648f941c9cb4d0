import { expect, test } from 'vitest'
import { difference } from './difference'

test('a change is told member by member, and what stayed is not', () => {
  expect(difference({ slots: 2, label: 'a', tags: [1] }, { slots: 3, label: 'a', tags: [1] })).toEqual([
    { name: 'slots', was: '2', became: '3' },
  ])
})

test('what was made has no past, and what was deleted no future', () => {
  expect(difference(null, { name: 'film' })).toEqual([{ name: 'name', was: undefined, became: 'film' }])
  expect(difference({ name: 'film', label: '', limit: 0 }, null)).toEqual([
    { name: 'name', was: 'film', became: undefined },
  ])
  expect(difference({ limit: 0 }, { limit: 5 })).toEqual([{ name: 'limit', was: '0', became: '5' }])
  expect(difference(null, undefined)).toEqual([])
})
