import { expect, test } from 'vitest'
import type { Schemas } from '../api/types'
import { bucketsSince, carriedOn } from './carriedOn'

const bucket = (at: string, succeeded: number) => ({
  at,
  created: 0,
  succeeded,
  failed: 0,
  cancelled: 0,
  errors: {},
})
const timeline: Schemas['TimelineAnswer'] = {
  from: '2026-11-12T10:00:00Z',
  to: '2026-11-12T10:30:00Z',
  step: 900,
  buckets: [bucket('2026-11-12T10:00:00Z', 1), bucket('2026-11-12T10:15:00Z', 2)],
  partial: false,
  time_to_start: null,
  time_to_finish: null,
}

test('a bucket is new from its first moment on', () => {
  const since = (now: string) => bucketsSince(timeline, Date.parse(now))
  expect(since('2026-11-12T10:29:59Z')).toBe(0)
  expect(since('2026-11-12T10:30:00Z')).toBe(0)
  expect(since('2026-11-12T10:30:01Z')).toBe(1)
  expect(since('2026-11-12T11:00:01Z')).toBe(3)
})

test('the axis moves on and keeps its length', () => {
  expect(carriedOn(timeline, 0)).toBe(timeline)
  expect(carriedOn(timeline, 1)).toMatchObject({
    from: '2026-11-12T10:15:00.000Z',
    to: '2026-11-12T10:45:00.000Z',
    buckets: [
      { at: '2026-11-12T10:15:00Z', succeeded: 2 },
      { at: '2026-11-12T10:30:00.000Z', succeeded: 0 },
    ],
  })
  const later = carriedOn(timeline, 5)
  expect(later.buckets.map(({ at }) => at)).toEqual(['2026-11-12T11:15:00.000Z', '2026-11-12T11:30:00.000Z'])
  expect(later.to).toBe('2026-11-12T11:45:00.000Z')
})
