import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, body } from './http'
import type { paths } from './schema'
import { type Container, type Schemas, type Task } from './types'

/** The names of what is cached. What lives is patched there by [Live]. */
export const keys = {
  me: ['me'],
  models: ['models'],
  health: ['health'],
  stats: ['stats'],
  containers: ['containers'],
  pool: ['pool'],
  sessions: ['sessions'],
  task: (id: string) => ['task', id],
  /** What is asked of a task beside itself: its history, its forecast, its lines of the log. */
  taskMore: (id: string) => ['task', id, 'more'],
  taskLists: ['tasks'],
} as const

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: ({ signal }) => body(api.GET('/auth/me', { signal })),
  staleTime: 60_000,
})

export const modelsQuery = queryOptions({
  queryKey: keys.models,
  queryFn: async ({ signal }) => (await body(api.GET('/api/v1/models', { signal }))).models,
  staleTime: 60_000,
})

export const healthQuery = queryOptions({
  queryKey: keys.health,
  queryFn: ({ signal }) => body(api.GET('/api/v1/health', { signal })),
})

export const statsQuery = queryOptions({
  queryKey: keys.stats,
  queryFn: ({ signal }) => body(api.GET('/api/v1/stats', { signal })),
})

/** The pool as a whole. Its sessions are cached apart, and both are kept up to date by [Live]. */
export const poolQuery = queryOptions({
  queryKey: keys.pool,
  queryFn: ({ signal }): Promise<Schemas['PoolSummary']> => body(api.GET('/api/v1/pool', { signal })),
})

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async ({ signal }) => (await body(api.GET('/api/v1/pool', { signal }))).sessions,
})

export const containersQuery = queryOptions({
  queryKey: keys.containers,
  queryFn: ({ signal }) => body(api.GET('/api/v1/containers', { signal })),
  select: ({ containers }): Container[] => containers,
})

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: keys.task(id),
    queryFn: async ({ signal }) =>
      (await body(api.GET('/api/v1/tasks/{id}', { params: { path: { id } }, signal }))).task,
  })

type TaskListParameters = NonNullable<paths['/api/v1/tasks']['get']['parameters']['query']>

export const taskListQuery = (filter: TaskListParameters) =>
  infiniteQueryOptions({
    queryKey: [...keys.taskLists, filter],
    queryFn: ({ pageParam, signal }) =>
      body(
        api.GET('/api/v1/tasks', {
          params: { query: { limit: 50, ...filter, cursor: pageParam || undefined } },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  })

export const signIn = (key: string) => body(api.POST('/auth/key', { body: { key } }))
export const signOut = (): Promise<Schemas['SignedOut'] | undefined> => body(api.POST('/auth/logout'))

export const cancelTask = (id: string) =>
  body(api.POST('/api/v1/tasks/{id}/cancel', { params: { path: { id } } }))
export const retryTask = (id: string): Promise<{ task: Task }> =>
  body(api.POST('/api/v1/tasks/{id}/retry', { params: { path: { id } } }))
