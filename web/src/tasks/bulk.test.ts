import { expect, test } from 'vitest'
import { targets } from './bulk'

test('chosen rows are named, in requests that the gateway takes', () => {
  const ids = Array.from({ length: 1201 }, (_, n) => `T${n}`)
  const filters = targets({ all: false, ids: new Set(ids) }, { status: 'failed' })
  expect(filters.map((filter) => filter.ids?.length)).toEqual([500, 500, 201])
  expect(filters.flatMap((filter) => filter.ids)).toEqual(ids)
})

test('everything that matches ends now, so that what comes later is not meant', () => {
  const [filter, ...more] = targets({ all: true, ids: new Set() }, { q: 'boat', last: '1h' })
  expect(more).toEqual([])
  expect(filter?.q).toBe('boat')
  expect(Date.parse(filter?.to ?? '') - Date.parse(filter?.from ?? '')).toBe(3_600_000)
  const to = '2026-05-01T12:00:00Z'
  expect(targets({ all: true, ids: new Set() }, { to })).toEqual([{ to }])
})
