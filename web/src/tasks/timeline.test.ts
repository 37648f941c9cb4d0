import { expect, test } from 'vitest'
import { shortened, steps, type History } from './timeline'

const event = (what: History['what'], change: Partial<History> = {}) =>
  ({ what, error_message: null, attempt: 1, ...change }) as History

test('polls in a row are one step', () => {
  const history = [
    event('created'),
    event('accepted'),
    event('polled'),
    event('polled'),
    event('polled'),
    event('ended'),
  ]
  expect(steps(history).map(({ first, count }) => [first.what, count])).toEqual([
    ['created', 1],
    ['accepted', 1],
    ['polled', 3],
    ['ended', 1],
  ])
})

test('polls that failed with other words stay apart, and so do those of another attempt', () => {
  const history = [
    event('poll_failed', { error_message: 'a' }),
    event('poll_failed', { error_message: 'a' }),
    event('poll_failed', { error_message: 'b' }),
    event('polled'),
    event('polled', { attempt: 2 }),
  ]
  expect(steps(history).map(({ count }) => count)).toEqual([2, 1, 1, 1])
})

test('a history of a hundred attempts is shown without its middle', () => {
  const attempts = Array.from({ length: 100 }, (_, n) => event('failed_over', { attempt: n }))
  const { start, hidden, end } = shortened(steps(attempts))
  expect(start.length + hidden + end.length).toBe(100)
  expect(end.at(-1)?.last.attempt).toBe(99)
  expect(shortened(steps(attempts.slice(0, 10))).hidden).toBe(0)
})
