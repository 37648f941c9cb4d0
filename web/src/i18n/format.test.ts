import { expect, test } from 'vitest'
import { clock, formats, parseEta } from './format'

test.each([
  [-5, '0s'],
  [59_999, '59s'],
  [102_000, '1m 42s'],
  [7_500_000, '2h 05m'],
])('%i ms reads %s', (milliseconds, text) => {
  expect(clock(milliseconds)).toBe(text)
})

test.each([
  ['2m30s', 150_000],
  ['1h0m0s', 3_600_000],
  ['1.5s', 1500],
  ['850ms', 850],
])('the estimate %s is a Go duration', (eta, milliseconds) => {
  expect(parseEta(eta)).toBe(milliseconds)
})

test.each(['', '约 3 分钟', 'soon', '5', 's'])('the estimate %j is in words', (eta) => {
  expect(parseEta(eta)).toBeNull()
})

test('a time is relative within a day and a date before that', () => {
  const format = formats('en')
  const now = Date.parse('2026-01-02T12:00:00Z')
  expect(format.ago('2026-01-02T11:59:30Z', now)).toBe('now')
  expect(format.ago('2026-01-02T11:57:00Z', now)).toContain('3 min')
  expect(format.ago('2025-12-24T10:00:00Z', now)).toContain('24')
  expect(format.ago('2026-01-02T12:00:30Z', now)).toBe('now') // a clock that is ahead
})
