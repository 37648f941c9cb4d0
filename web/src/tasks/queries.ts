import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  type InfiniteData,
} from '@tanstack/react-query'
import { api, body, gatewayNow } from '../api/http'
import { keys } from '../api/queries'
import type { Schemas } from '../api/types'
import { filterOf, type TaskFilter } from './filter'
import type { TasksSearch } from './search'

/** A page of the list, and the filter that it was asked for with: the time until now begins at one moment. */
export type TaskPage = Schemas['ListTasksAnswer'] & { filter: TaskFilter }
export type TaskPages = InfiniteData<TaskPage>

const pageSize = 100

export const listQuery = (search: TasksSearch) =>
  infiniteQueryOptions({
    queryKey: [...keys.taskLists, search],
    queryFn: async ({ pageParam, signal }): Promise<TaskPage> => {
      const filter = pageParam?.filter ?? filterOf(search, gatewayNow())
      const query = { ...queryOf(filter), limit: pageSize, cursor: pageParam?.cursor }
      return { ...(await body(api.GET('/api/v1/tasks', { params: { query }, signal }))), filter }
    },
    initialPageParam: undefined as { cursor: string; filter: TaskFilter } | undefined,
    getNextPageParam: ({ next, filter }) => (next === null ? undefined : { cursor: next, filter }),
    placeholderData: keepPreviousData,
  })

/** How many there are of each status; without a filter the gateway tells by itself. */
export function countsQuery(chosen: TasksSearch) {
  const search = { ...chosen, status: undefined }
  const isFiltered = Object.values(search).some((value) => value !== undefined)
  return queryOptions({
    queryKey: isFiltered ? [...keys.stats, search] : keys.stats,
    queryFn: ({ signal }) =>
      body(api.GET('/api/v1/stats', { params: { query: queryOf(filterOf(search, gatewayNow())) }, signal })),
    placeholderData: keepPreviousData,
  })
}

/** A filter as a query has it: ids and null are for bodies only. */
function queryOf({ status, model, key, session, upstream, error_kind, from, to, q }: TaskFilter) {
  return {
    status,
    model,
    key: key ?? undefined,
    session,
    upstream,
    error_kind,
    from: from ?? undefined,
    to: to ?? undefined,
    q: q ?? undefined,
  }
}

/** The names of the keys, which admins may read. */
export const keyNamesQuery = queryOptions({
  queryKey: ['keys', 'names'],
  queryFn: async ({ signal }) =>
    (await body(api.GET('/api/v1/keys', { signal }))).keys.map(({ id, name }) => ({ id, name })),
  staleTime: 30_000,
})

export type BulkAction = 'cancel' | 'retry' | 'delete'

/** Acts on what the filter chooses, or with dryRun says how many that would be. */
export const bulk = (action: BulkAction, filter: TaskFilter, dryRun: boolean) =>
  body(api.POST(`/api/v1/tasks/${action}`, { body: { filter, dry_run: dryRun } }))
