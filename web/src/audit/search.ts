import { text, type RawSearch } from '../frame/search'

export const auditFilters = ['q', 'actor', 'action', 'target', 'result', 'since', 'until'] as const
export type AuditSearch = Partial<Record<(typeof auditFilters)[number], string>>

/** The filter as the API takes it. */
export function auditSearch(search: RawSearch): AuditSearch {
  const found: AuditSearch = {}
  for (const name of auditFilters) {
    const value = text(search, name)
    if (value !== undefined) found[name] = value
  }
  return found
}
