import { statuses, type ErrorKind } from '../api/types'
import { oneOf, someOf, text, type RawSearch } from '../frame/search'

/** The parameters of the list's address, all of them texts; several values have commas between them. */
export interface TasksSearch {
  status?: string
  model?: string
  key?: string
  session?: string
  upstream?: string
  error_kind?: string
  /** Moments as RFC 3339. */
  from?: string
  to?: string
  /** The time until now, instead of from and to. */
  last?: Span
  q?: string
}

export const errorKinds = [
  'content_risk',
  'account_blocked',
  'auth',
  'quota',
  'rate_limited',
  'bad_input',
  'file_transfer',
  'timeout',
  'network',
  'generation_failed',
  'in_doubt',
  'unknown',
] as const satisfies ErrorKind[]

export const spans = ['1h', '24h', '7d'] as const
export type Span = (typeof spans)[number]

export function tasksSearch(search: RawSearch): TasksSearch {
  const last = oneOf(search, 'last', spans)
  return {
    status: someOf(search, 'status', statuses)?.join(','),
    model: text(search, 'model'),
    key: text(search, 'key'),
    session: text(search, 'session'),
    upstream: text(search, 'upstream'),
    error_kind: someOf(search, 'error_kind', errorKinds)?.join(','),
    from: last ? undefined : moment(search, 'from'),
    to: last ? undefined : moment(search, 'to'),
    last,
    q: text(search, 'q')?.slice(0, 200),
  }
}

function moment(search: RawSearch, name: string): string | undefined {
  const value = text(search, name)
  return value !== undefined && !Number.isNaN(Date.parse(value)) ? value : undefined
}
