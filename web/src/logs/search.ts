import { logLevels, type LogLevel } from '../api/types'
import { oneOf, text, type RawSearch } from '../frame/search'

export const logsSearch = (
  search: RawSearch,
): { source?: string; level?: LogLevel; q?: string; task?: string } => ({
  source: text(search, 'source'),
  level: oneOf(search, 'level', logLevels),
  q: text(search, 'q'),
  task: text(search, 'task'),
})
