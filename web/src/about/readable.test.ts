import { expect, test } from 'vitest'
import { readable } from './readable'

test('durations have no empty parts', () => {
  expect(
    ['30m0s', '1h0m0s', '168h0m0s', '24h0m0s', '1h0m5s', '2m30s', '1.5s', '0s', '10s'].map(readable),
  ).toEqual(['30m', '1h', '7d', '24h', '1h0m5s', '2m30s', '1.5s', '0s', '10s'])
})

test('what is no duration stays as it is, and so do the words around one', () => {
  expect(readable('every 30m0s, or 1h0m0s at night')).toBe('every 30m, or 1h at night')
  expect(['off', '20 GB', 's3://bucket/30m0', ':5100'].map(readable)).toEqual([
    'off',
    '20 GB',
    's3://bucket/30m0',
    ':5100',
  ])
})
