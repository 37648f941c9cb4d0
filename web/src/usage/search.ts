import { oneOf, text, type RawSearch } from '../frame/search'

export const ranges = ['7d', '30d', '90d', '365d'] as const
export type Range = (typeof ranges)[number]

export const groupings = ['day', 'key', 'model'] as const
export type Grouping = (typeof groupings)[number]

export const measures = ['tasks', 'succeeded', 'failed', 'seconds', 'credits', 'requests'] as const
export type Measure = (typeof measures)[number]

export const columns = [
  'name',
  'requests',
  'tasks',
  'succeeded',
  'failed',
  'cancelled',
  'seconds',
  'credits',
] as const
export type Column = (typeof columns)[number]

export interface UsageSearch {
  range?: Range
  by?: Grouping
  measure?: Measure
  key?: string
  sort?: Column
  order?: 'up' | 'down'
}

export const usageSearch = (search: RawSearch): UsageSearch => ({
  range: oneOf(search, 'range', ranges),
  by: oneOf(search, 'by', groupings),
  measure: oneOf(search, 'measure', measures),
  key: text(search, 'key'),
  sort: oneOf(search, 'sort', columns),
  order: oneOf(search, 'order', ['up', 'down'] as const),
})
