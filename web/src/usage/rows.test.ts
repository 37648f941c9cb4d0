import { expect, test } from 'vitest'
import type { Schemas } from '../api/types'
import { daysBetween, sorted, stacks } from './rows'

const row = (day: string, model: string, tasks: number): Schemas['UsageRow'] => ({
  day,
  model,
  tasks,
  requests: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  seconds: 0,
  credits: 0,
})

const rows = [
  row('2026-11-01', 'a', 1),
  row('2026-11-03', 'a', 4),
  row('2026-11-03', 'b', 9),
  row('2026-11-02', 'c', 2),
]

test('days without a row have none of the values, and the least used are together', () => {
  const days = daysBetween('2026-11-01', '2026-11-03')
  expect(days).toEqual(['2026-11-01', '2026-11-02', '2026-11-03'])
  expect(stacks(rows, days, 'model', 'tasks', 1)).toEqual([
    { id: 'b', name: 'b', values: [0, 0, 9] },
    { id: null, name: '', values: [1, 2, 4] },
  ])
  expect(stacks(rows, days, 'day', 'tasks', 5).map(({ values }) => values)).toEqual([[1, 2, 13]])
  expect(stacks(rows, days, 'model', 'failed', 5)).toEqual([])
})

test('rows are sorted by any column, then by name', () => {
  const names = (order: 'up' | 'down') => sorted(rows, 'model', 'tasks', order).map(({ tasks }) => tasks)
  expect(names('up')).toEqual([1, 2, 4, 9])
  expect(names('down')).toEqual([9, 4, 2, 1])
  expect(sorted(rows, 'model', 'failed', 'down').map(({ model }) => model)).toEqual(['a', 'a', 'b', 'c'])
})
