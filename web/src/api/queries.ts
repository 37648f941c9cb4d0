import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { request } from './http'
import {
  hasEnded,
  type Container,
  type Health,
  type LogEntry,
  type Me,
  type Model,
  type Status,
  type Task,
  type TaskPage,
} from './types'

/** How often a running task is asked for, in milliseconds. Hidden tabs do not ask. */
const taskInterval = 1000
/** How often lists are asked for: quickly while something in them runs. */
const busyListInterval = 2000
const idleListInterval = 10_000

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => request<Me>('/auth/me', { signal }),
  staleTime: 60_000,
})

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: async ({ signal }) => (await request<{ data: Model[] }>('/v1/models', { signal })).data,
  staleTime: 60_000,
})

/** How often the state of the gateway's parts is asked for, in milliseconds. */
const healthInterval = 5000

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: ({ signal }) => request<Health>('/api/v1/health', { signal, also: 503 }),
  refetchInterval: healthInterval,
})

export const containersQuery = queryOptions({
  queryKey: ['containers'],
  queryFn: async ({ signal }) =>
    (await request<{ containers: Container[] }>('/api/v1/containers', { signal })).containers,
  refetchInterval: healthInterval,
})

/** The status is part of the key: with every step of the task there is more to read. */
export const taskLogQuery = (id: string, status: Status) =>
  queryOptions({
    queryKey: ['task', id, 'logs', status],
    queryFn: ({ signal }) =>
      request<{ entries: LogEntry[] }>(`/api/v1/tasks/${encodeURIComponent(id)}/logs`, { signal }),
    placeholderData: keepPreviousData,
  })

const recentKey = ['tasks', 'recent']

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: ['task', id],
    queryFn: async ({ signal, client }) => {
      const { task } = await request<{ task: Task }>(`/api/v1/tasks/${encodeURIComponent(id)}`, { signal })
      // The list beside the task must not say something older than the task does.
      client.setQueryData<Task[]>(recentKey, (list) => list?.map((other) => (other.id === id ? task : other)))
      return task
    },
    refetchInterval: ({ state }) => (state.data && !hasEnded(state.data.status) ? taskInterval : false),
  })

const listInterval = (tasks: Task[] | undefined) =>
  tasks?.some((task) => !hasEnded(task.status)) ? busyListInterval : idleListInterval

export const recentTasksQuery = queryOptions({
  queryKey: recentKey,
  queryFn: async ({ signal }) => (await request<TaskPage>('/api/v1/tasks?limit=20', { signal })).tasks,
  refetchInterval: ({ state }) => listInterval(state.data),
})

export const taskListQuery = (status: Status | undefined) =>
  infiniteQueryOptions({
    queryKey: ['tasks', 'list', status ?? 'all'],
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: '50' })
      if (status) query.set('status', status)
      if (pageParam) query.set('cursor', pageParam)
      return request<TaskPage>(`/api/v1/tasks?${query}`, { signal })
    },
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => listInterval(state.data?.pages.flatMap((page) => page.tasks)),
  })

export const signIn = (key: string) => request<Me>('/auth/key', { method: 'POST', json: { key } })
export const signOut = () => request<{ redirect: string } | undefined>('/auth/logout', { method: 'POST' })

const act = (id: string, action: string) =>
  request<{ task?: Task }>(`/api/v1/tasks/${encodeURIComponent(id)}/${action}`, { method: 'POST' })
export const cancelTask = (id: string) => act(id, 'cancel')
export const retryTask = (id: string) => act(id, 'retry')
