import { expect, test } from 'vitest'
import { sampleTask, seedance } from '../testing/samples'
import { filterOf, matches, several } from './filter'

const noon = Date.parse('2026-05-01T12:00:00Z')

test('an address becomes a filter without gaps', () => {
  expect(filterOf({}, noon)).toEqual({})
  expect(filterOf({ status: 'failed,cancelled', key: 'K', q: 'boat' }, noon)).toEqual({
    status: ['failed', 'cancelled'],
    key: 'K',
    q: 'boat',
  })
  expect(several('a,,b,')).toEqual(['a', 'b'])
})

test('the last hour begins an hour ago and has no end', () => {
  expect(filterOf({ last: '1h' }, noon)).toEqual({ from: '2026-05-01T11:00:00.000Z' })
  const custom = { from: '2026-04-01T00:00:00Z', to: '2026-04-02T00:00:00Z' }
  expect(filterOf(custom, noon)).toEqual(custom)
})

test('a task belongs into the list as the gateway would say', () => {
  const task = sampleTask({
    status: 'failed',
    error_kind: 'timeout',
    prompt: 'A Paper BOAT',
    created_at: '2026-05-01T12:00:00Z',
  })
  const fits = (filter: Parameters<typeof matches>[1]) => matches(task, filter, [seedance])
  expect(fits({})).toBe(true)
  expect(fits({ status: ['failed', 'queued'] })).toBe(true)
  expect(fits({ status: ['queued'] })).toBe(false)
  expect(fits({ error_kind: ['timeout'] })).toBe(true)
  expect(fits({ model: ['seedance-2.0'] })).toBe(true) // another name of the same model
  expect(fits({ model: ['unheard-of'] })).toBe(false)
  expect(fits({ key: 'of somebody else' })).toBe(false)
  expect(fits({ q: 'paper boat' })).toBe(true)
  expect(fits({ q: 'plane' })).toBe(false)
})

test('the time of a filter has its beginning and not its end', () => {
  const task = sampleTask({ created_at: '2026-05-01T12:00:00Z' })
  expect(matches(task, { from: '2026-05-01T12:00:00Z' }, [])).toBe(true)
  expect(matches(task, { to: '2026-05-01T12:00:00Z' }, [])).toBe(false)
  expect(matches(task, { to: '2026-05-01T12:00:01Z' }, [])).toBe(true)
})
