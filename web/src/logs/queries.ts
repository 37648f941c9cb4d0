import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, body } from '../api/http'
import { keys } from '../api/queries'
import type { LogLevel } from '../api/types'

/** How many lines are read at once, backwards and around a line. */
const page = 300

/** The lines before the one with this id. */
export function olderLines(filter: URLSearchParams, before: string) {
  const text = (name: string) => filter.get(name) ?? undefined
  const list = <T extends string>(name: string) => text(name)?.split(',') as T[] | undefined
  return body(
    api.GET('/api/v1/logs', {
      params: {
        query: {
          source: text('source'),
          level: list<LogLevel>('level'),
          stream: list<'stdout' | 'stderr'>('stream'),
          task: text('task'),
          q: text('q'),
          regex: filter.has('regex') || undefined,
          before,
          lines: page,
        },
      },
    }),
  )
}

type Place = { around: string } | { before: string } | { after: string }

/** A line among its neighbours, whatever the filter, and what stands further away on both sides. */
export const aroundQuery = (source: string, line: string) =>
  infiniteQueryOptions({
    queryKey: ['logs', source, 'around', line],
    queryFn: ({ pageParam, signal }) =>
      body(api.GET('/api/v1/logs', { params: { query: { source, ...pageParam, lines: page } }, signal })),
    initialPageParam: { around: line } as Place,
    getPreviousPageParam: ({ before }): Place | null => (before === null ? null : { before }),
    getNextPageParam: ({ entries }): Place | null => {
      const last = entries.at(-1)
      return last ? { after: last.id } : null
    },
    staleTime: Infinity,
  })

/** Asks the gateway whether it can read the expression. */
export const expressionQuery = (source: string, q: string) =>
  queryOptions({
    queryKey: ['logs', source, 'expression', q],
    queryFn: ({ signal }) =>
      body(api.GET('/api/v1/logs', { params: { query: { source, q, regex: true, lines: 1 } }, signal })),
    staleTime: Infinity,
  })

/** Whether admins may restart containers. */
export const mayRestartQuery = queryOptions({
  queryKey: keys.containers,
  queryFn: ({ signal }) => body(api.GET('/api/v1/containers', { signal })),
  select: ({ restart }) => restart,
})

export const restartContainer = (name: string) =>
  body(api.POST('/api/v1/containers/{name}/restart', { params: { path: { name } } }))
