import { expect, test } from 'vitest'
import type { LogEntry } from '../api/types'
import { beginning, mostLines, reduce, type Tail, type TailAction } from './useLogTail'

const lines = (from: number, to: number): LogEntry[] =>
  Array.from({ length: to - from }, (_, index) => ({
    id: String(from + index),
    time: '2026-11-24T00:00:00Z',
    source: 'gateway',
    stream: 'stderr',
    level: 'info',
    text: `line ${from + index}`,
  }))

const after = (...actions: TailAction[]): Tail => actions.reduce(reduce, beginning)
const ids = ({ items }: Tail) => [items.at(0)?.id, items.at(-1)?.id]

test('at the live end only the newest lines are held, and older ones can be read again', () => {
  const tail = after(
    { type: 'came', items: lines(0, mostLines) },
    { type: 'came', items: lines(mostLines, 2100) },
  )
  expect(tail.items.length).toBe(mostLines)
  expect(ids(tail)).toEqual(['100', '2099'])
  expect(tail.before).toBeUndefined()
})

test('nothing goes away or moves while somebody reads', () => {
  const reading = after(
    { type: 'came', items: lines(3000, 3000 + mostLines) },
    { type: 'read' },
    { type: 'older', items: lines(2000, 3000), before: '2000' },
  )
  const later = [lines(5000, 6500), lines(6500, 8000)].reduce(
    (tail, items) => reduce(tail, { type: 'came', items }),
    reading,
  )
  expect(later.items).toBe(reading.items)
  expect(later.waiting.length).toBe(mostLines)
  const followed = reduce(later, { type: 'follow' })
  expect(ids(followed)).toEqual(['6000', '7999'])
  expect(followed.before).toBeUndefined()
})

test('who scrolls down to the end reads on with what has waited, and then follows', () => {
  const waiting = after(
    { type: 'came', items: lines(0, 10) },
    { type: 'read' },
    { type: 'came', items: lines(10, 20) },
  )
  const on = reduce(waiting, { type: 'reachEnd' })
  expect([ids(on), on.isReading, on.waiting]).toEqual([['0', '19'], true, []])
  expect(reduce(on, { type: 'reachEnd' }).isReading).toBe(false)
})

test('where some of what waited is gone, the end is live at once: there is never a hole', () => {
  const tail = after(
    { type: 'came', items: lines(0, 10) },
    { type: 'read' },
    { type: 'came', items: lines(10, 3000) },
    { type: 'reachEnd' },
  )
  expect([ids(tail), tail.isReading]).toEqual([['1000', '2999'], false])
})

test('what was cleared comes back once', () => {
  const cleared = after(
    { type: 'came', items: lines(0, 10) },
    { type: 'clear' },
    { type: 'came', items: lines(10, 12) },
  )
  const read = reduce(cleared, { type: 'older', items: lines(5, 10), before: '5' })
  const back = reduce(read, { type: 'restore' })
  expect(back.items.map(({ id }) => Number(id))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})
