import { expect, test } from 'vitest'
import type { Schemas } from '../api/types'
import { me } from '../testing/samples'
import { verdictOf, type Facts } from './verdict'

type Session = Schemas['Pooled']
type Code = Session['code']

const soon = '2026-11-12T10:05:00Z'
const later = '2026-11-12T11:00:00Z'

/** A session, as far as the verdict looks at it. */
const session = (code: Code, until: string | null = null) =>
  ({ id: code, code, until, upstream: 'free_api' }) as Session

const facts = (codes: (Code | Session)[], change: Partial<Schemas['PoolSummary']> = {}): Facts => ({
  me,
  sessions: codes.map((code) => (typeof code === 'string' ? session(code) : code)),
  pool: {
    slots: 4,
    free: 4,
    running: 0,
    next_slot_at: null,
    waiting: { tasks: 0, since: null },
    upstreams: [],
    ...change,
  } as Schemas['PoolSummary'],
})

const health = (name: string, state: 'ok' | 'degraded' | 'down') =>
  ({ components: [{ name, state }] }) as unknown as Schemas['HealthAnswer']

test('good: nothing runs, or tasks run', () => {
  expect(verdictOf(facts(['ready', 'disabled']))).toEqual({ tone: 'good', what: 'idle' })
  expect(verdictOf(facts(['busy', 'upstream_full'], { running: 2 }))).toEqual({
    tone: 'good',
    what: 'running',
  })
})

test('new: there is no session', () => {
  expect(verdictOf(facts([]))).toEqual({ tone: 'new', what: 'noSession' })
})

test.each(['exhausted', 'dead', 'disabled', 'cooling'] as const)('bad: all sessions are %s', (code) => {
  const all = [session(code, later), session(code, soon)]
  expect(verdictOf(facts(all))).toEqual({ tone: 'bad', what: code, until: soon, total: 2 })
})

test('bad: no session can take a task, each for another reason', () => {
  expect(verdictOf(facts(['dead', 'exhausted', 'upstream_not_configured']))).toEqual({
    tone: 'bad',
    what: 'mixed',
    until: null,
    total: 3,
  })
})

test('bad: the upstream does not answer', () => {
  const upstreams = [{ name: 'free_api', benched_until: soon }] as Schemas['Upstream'][]
  expect(verdictOf(facts(['dead', 'upstream_benched'], { upstreams }))).toEqual({
    tone: 'bad',
    what: 'benched',
    upstream: 'free_api',
    until: soon,
  })
})

test('bad: without its database the gateway does not work, whatever the sessions are', () => {
  expect(verdictOf({ ...facts([]), health: health('database', 'down') })).toEqual({
    tone: 'bad',
    what: 'down',
    component: 'database',
  })
})

test('warn: all slots are taken and somebody waits', () => {
  const waiting = { tasks: 1, since: soon } as Schemas['Waiting']
  const full = facts(['busy', 'dead'], { free: 0, running: 4, waiting, next_slot_at: later })
  expect(verdictOf(full)).toEqual({ tone: 'warn', what: 'waiting', until: later })
  expect(verdictOf(facts(['busy'], { free: 0, running: 4 })).what).toBe('running')
})

test('warn: some sessions are ill; one that was disabled is not', () => {
  expect(verdictOf(facts(['ready', 'dead', 'cooling', 'disabled']))).toEqual({
    tone: 'warn',
    what: 'someIll',
    ill: 2,
    total: 4,
  })
})

test.each(['degraded', 'down'] as const)('warn: tasks run, but another component is %s', (state) => {
  expect(verdictOf({ ...facts(['ready']), health: health('upstream', state) })).toEqual({
    tone: 'warn',
    what: 'degraded',
    component: 'upstream',
  })
})

test('who may not see the pool hears of the own tasks only', () => {
  const own = { ...facts(['dead']), me: { ...me, scopes: ['task:read'] } }
  const counts = { running: 0, queued: 1 } as Schemas['TaskCounts']
  expect(verdictOf(own)).toEqual({ tone: 'good', what: 'idle' })
  expect(verdictOf({ ...own, counts })).toEqual({ tone: 'good', what: 'own' })
})
