import { logLevels } from '../api/types'
import { oneOf, someOf, text, type RawSearch } from '../frame/search'

export interface LogsSearch {
  source?: string
  /** With commas between several. */
  level?: string
  stream?: 'stdout' | 'stderr'
  q?: string
  /** q is a regular expression. */
  regex?: 'true'
  /** Lines without q are shown, too; its hits are marked either way. */
  show?: 'all'
  task?: string
  /** The id of a line that is shown among its neighbours. */
  line?: string
}

export const logsSearch = (search: RawSearch): LogsSearch => ({
  source: text(search, 'source'),
  level: someOf(search, 'level', logLevels)?.join(','),
  stream: oneOf(search, 'stream', ['stdout', 'stderr'] as const),
  q: text(search, 'q')?.slice(0, 200),
  regex: oneOf(search, 'regex', ['true'] as const),
  show: oneOf(search, 'show', ['all'] as const),
  task: text(search, 'task')?.slice(0, 64),
  line: text(search, 'line'),
})

/** The filter as the API takes it. */
export function logsQuery(source: string, search: LogsSearch): URLSearchParams {
  const query = new URLSearchParams({ source })
  for (const name of ['level', 'stream', 'task'] as const) {
    const value = search[name]
    if (value) query.set(name, value)
  }
  if (search.q && search.show !== 'all') {
    query.set('q', search.q)
    if (search.regex) query.set('regex', 'true')
  }
  return query
}
