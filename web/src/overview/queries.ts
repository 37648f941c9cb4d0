import { useCallback, useEffect, useMemo, useRef } from 'react'
import { keepPreviousData, queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, body } from '../api/http'
import { useTaskEvents } from '../api/live'
import { useNow } from '../i18n/useNow'
import { bucketsSince, carriedOn } from './carriedOn'

const charts = ['charts']

/** What happened over time; without a range in the last 24 hours. */
export const timelineQuery = (range: { from?: string; to?: string } = {}) =>
  queryOptions({
    queryKey: [...charts, 'timeline', range],
    queryFn: ({ signal }) => body(api.GET('/api/v1/timeline', { params: { query: range }, signal })),
    placeholderData: keepPreviousData,
  })

/** The timeline; one without a range goes on with time, also while nothing happens. */
export function useTimeline(range: { from?: string; to?: string } = {}) {
  const { data, ...query } = useQuery(timelineQuery(range))
  const isOpen = range.from === undefined
  const now = useNow(isOpen)
  const passed = data && isOpen ? bucketsSince(data, now) : 0
  const timeline = useMemo(() => data && carriedOn(data, passed), [data, passed])
  return { ...query, timeline }
}

export const heartbeatsQuery = queryOptions({
  queryKey: [...charts, 'heartbeats'],
  queryFn: ({ signal }) => body(api.GET('/api/v1/pool/heartbeats', { signal })),
})

export const storageQuery = queryOptions({
  queryKey: [...charts, 'storage'],
  queryFn: ({ signal }) => body(api.GET('/api/v1/storage', { signal })),
})

/** The task that waits since this moment, and why; null once it does not. */
export const oldestWaitingQuery = (since: string) =>
  queryOptions({
    queryKey: [...charts, 'waiting', since],
    queryFn: async ({ signal }) => {
      const to = new Date(Date.parse(since) + 1000).toISOString()
      const query = { status: ['queued' as const], from: since, to, limit: 50 }
      const { tasks } = await body(api.GET('/api/v1/tasks', { params: { query }, signal }))
      const task = tasks.findLast(({ created_at }) => created_at === since) ?? tasks.at(-1)
      if (!task) return null
      const params = { path: { id: task.id } }
      return { task, why: await body(api.GET('/api/v1/tasks/{id}/explain', { params, signal })) }
    },
  })

/** How often charts are asked again while tasks go on, in milliseconds. */
const refreshEvery = 10_000

/** Asks for the charts again after events of tasks: soon after the first, then not too often. */
export function useLiveCharts(): void {
  const client = useQueryClient()
  const waiting = useRef<ReturnType<typeof setTimeout>>(undefined)
  const askedAt = useRef(0)
  useEffect(() => () => clearTimeout(waiting.current), [])
  useTaskEvents(
    useCallback(() => {
      if (waiting.current !== undefined) return
      const pause = Math.max(1000, askedAt.current + refreshEvery - Date.now())
      waiting.current = setTimeout(() => {
        waiting.current = undefined
        askedAt.current = Date.now()
        void client.invalidateQueries({ queryKey: charts })
      }, pause)
    }, [client]),
  )
}
