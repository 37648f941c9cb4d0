import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, body } from '../api/http'
import type { paths } from '../api/schema'
import type { Schemas } from '../api/types'
import type { Range } from './search'

export type UsageFilter = NonNullable<paths['/api/v1/usage']['get']['parameters']['query']>

export const usageQuery = (filter: UsageFilter) =>
  queryOptions({
    queryKey: ['charts', 'usage', filter],
    // It is a text only where a table was asked for.
    queryFn: async ({ signal }) =>
      (await body(api.GET('/api/v1/usage', { params: { query: filter }, signal }))) as Schemas['UsageAnswer'],
    placeholderData: keepPreviousData,
  })

/** The keys to choose from; their names are enough. */
export const keyNamesQuery = queryOptions({
  queryKey: ['keys', 'names'],
  queryFn: async ({ signal }) =>
    (await body(api.GET('/api/v1/keys', { signal }))).keys.map(({ id, name }) => ({ id, name })),
})

const days: Record<Range, number> = { '7d': 7, '30d': 30, '90d': 90, '365d': 365 }

/** The first day of a range that ends today. Days are the gateway's; in the hours around
 * midnight, where its zone is another one, the range is a day longer or shorter. */
export function firstDay(range: Range, now: number): string {
  return new Date(now - (days[range] - 1) * 86_400_000).toISOString().slice(0, 10)
}
