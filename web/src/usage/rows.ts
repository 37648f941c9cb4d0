import type { Schemas } from '../api/types'
import type { Column, Grouping, Measure } from './search'

type UsageRow = Schemas['UsageRow']

/** What a row is about, for programs. */
export function idOf(row: UsageRow, by: Grouping): string {
  return (by === 'day' ? row.day : by === 'key' ? row.key_id : row.model) ?? ''
}

/** What a row is about, for people; empty for the requests, which belong to no model. */
export function nameOf(row: UsageRow, by: Grouping): string {
  return by === 'key' ? row.key_name || (row.key_id ?? '') : idOf(row, by)
}

/** Rows by a column; those that are equal in it by their name. */
export function sorted(rows: UsageRow[], by: Grouping, column: Column, order: 'up' | 'down'): UsageRow[] {
  const sign = order === 'up' ? 1 : -1
  return rows.toSorted((a, b) => {
    const names = nameOf(a, by).localeCompare(nameOf(b, by))
    return sign * (column === 'name' ? names : a[column] - b[column] || -names)
  })
}

export interface Stack {
  /** Null for all that are not shown apart. */
  id: string | null
  name: string
  values: number[]
}

/** The values of each day, those of the most used apart and the others together. */
export function stacks(
  rows: UsageRow[],
  days: string[],
  by: Grouping,
  measure: Measure,
  most: number,
): Stack[] {
  const place = new Map(days.map((day, i) => [day, i]))
  const byId = new Map<string, Stack & { sum: number }>()
  for (const row of rows) {
    const day = place.get(row.day ?? '')
    const value = row[measure]
    if (day === undefined || value <= 0) continue
    const id = by === 'day' ? '' : idOf(row, by)
    const stack = byId.get(id) ?? { id, name: nameOf(row, by), values: days.map(() => 0), sum: 0 }
    stack.values[day] = (stack.values[day] ?? 0) + value
    stack.sum += value
    byId.set(id, stack)
  }
  const all = [...byId.values()].sort((a, b) => b.sum - a.sum)
  const rest = all.slice(most)
  const shown: Stack[] = all.slice(0, most).map(({ id, name, values }) => ({ id, name, values }))
  if (rest.length === 0) return shown
  const values = days.map((_, i) => rest.reduce((sum, stack) => sum + (stack.values[i] ?? 0), 0))
  return [...shown, { id: null, name: '', values }]
}

/** Every day from the first to the last. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = []
  for (let at = Date.parse(from); at <= Date.parse(to); at += 86_400_000) {
    days.push(new Date(at).toISOString().slice(0, 10))
  }
  return days
}
