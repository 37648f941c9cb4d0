import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, body } from '../api/http'
import { keys } from '../api/queries'

// All of it is asked again after each event of the task.

/** What happened to a task, from the beginning. */
export const historyQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: [...keys.taskMore(id), 'history'],
    queryFn: ({ pageParam, signal }) =>
      body(
        api.GET('/api/v1/tasks/{id}/history', {
          params: { path: { id }, query: { limit: 1000, after: pageParam } },
          signal,
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
  })

/** Why a task waits, where it stands, and when it is probably done. */
export const explainQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.taskMore(id), 'explain'],
    queryFn: ({ signal }) =>
      body(api.GET('/api/v1/tasks/{id}/explain', { params: { path: { id } }, signal })),
    placeholderData: keepPreviousData,
  })

/** The lines of the logs that are about a task. */
export const taskLogQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.taskMore(id), 'logs'],
    queryFn: ({ signal }) => body(api.GET('/api/v1/tasks/{id}/logs', { params: { path: { id } }, signal })),
  })

export const deleteTask = (id: string) => body(api.DELETE('/api/v1/tasks/{id}', { params: { path: { id } } }))
