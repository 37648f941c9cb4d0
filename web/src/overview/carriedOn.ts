import type { Schemas } from '../api/types'

type Timeline = Schemas['TimelineAnswer']

/** How many buckets have begun since a timeline was read. */
export function bucketsSince({ to, step }: Timeline, now: number): number {
  return Math.max(0, Math.ceil((now - Date.parse(to)) / (step * 1000)))
}

/**
 * A timeline of the last hours as it is some buckets later. Nothing was reported
 * since, or it would have been read again: the new buckets are empty.
 */
export function carriedOn(timeline: Timeline, by: number): Timeline {
  if (by === 0) return timeline
  const step = timeline.step * 1000
  const later = (at: string, buckets: number) => new Date(Date.parse(at) + buckets * step).toISOString()
  const fresh = Array.from({ length: by }, (_, i) => ({
    at: later(timeline.to, i),
    created: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    errors: {},
  }))
  const buckets = [...timeline.buckets, ...fresh].slice(-timeline.buckets.length)
  return { ...timeline, from: later(timeline.from, by), to: later(timeline.to, by), buckets }
}
