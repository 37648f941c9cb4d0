import { may, type Me, type Schemas } from '../api/types'

type Session = Schemas['Pooled']

export interface Facts {
  me: Me
  counts?: Schemas['TaskCounts']
  pool?: Schemas['PoolSummary']
  sessions?: Session[]
  health?: Schemas['HealthAnswer']
}

/** What the overview says first, and where its action leads. */
export type Verdict =
  | { tone: 'new'; what: 'noSession' }
  | {
      tone: 'bad'
      what: 'exhausted' | 'dead' | 'disabled' | 'cooling' | 'mixed'
      until: string | null
      total: number
    }
  | { tone: 'bad'; what: 'benched'; upstream: string; until: string | null }
  | { tone: 'bad'; what: 'down'; component: string }
  | { tone: 'warn'; what: 'waiting'; until: string | null }
  | { tone: 'warn'; what: 'someIll'; ill: number; total: number }
  | { tone: 'warn'; what: 'degraded'; component: string }
  | { tone: 'good'; what: 'running' | 'own' | 'idle' }

const able: Session['code'][] = ['ready', 'busy', 'half_open', 'upstream_full']

/** Whether the session works, though its slots may be taken. */
export function isAble(session: Session): boolean {
  return able.includes(session.code)
}

export function verdictOf({ me, counts, pool, sessions, health }: Facts): Verdict {
  const down = health?.components?.find(({ state }) => state === 'down')
  if (down && ['database', 'storage'].includes(down.name))
    return { tone: 'bad', what: 'down', component: down.name }
  if (!may(me, 'pool:read') || !pool || !sessions) {
    return { tone: 'good', what: counts && counts.running + counts.queued > 0 ? 'own' : 'idle' }
  }
  if (sessions.length === 0) return { tone: 'new', what: 'noSession' }
  const ill = sessions.filter((session) => !isAble(session))
  if (ill.length === sessions.length) return nothingStarts(pool, ill)
  if (down) return { tone: 'warn', what: 'degraded', component: down.name }
  if (pool.free === 0 && pool.waiting.tasks > 0)
    return { tone: 'warn', what: 'waiting', until: pool.next_slot_at }
  const unwell = ill.filter(({ code }) => code !== 'disabled')
  if (unwell.length > 0) return { tone: 'warn', what: 'someIll', ill: unwell.length, total: sessions.length }
  const degraded = health?.components?.find(({ state }) => state === 'degraded')
  if (degraded) return { tone: 'warn', what: 'degraded', component: degraded.name }
  return { tone: 'good', what: pool.running > 0 ? 'running' : 'idle' }
}

function nothingStarts(pool: Schemas['PoolSummary'], ill: Session[]): Verdict {
  const benched = ill.find(({ code }) => code === 'upstream_benched')
  if (benched) {
    const until = pool.upstreams.find(({ name }) => name === benched.upstream)?.benched_until ?? null
    return { tone: 'bad', what: 'benched', upstream: benched.upstream, until }
  }
  const codes = new Set(ill.map(({ code }) => code))
  const [code] = codes
  const what =
    codes.size === 1 && (code === 'exhausted' || code === 'dead' || code === 'disabled' || code === 'cooling')
      ? code
      : 'mixed'
  const until = ill.flatMap(({ until }) => until ?? []).toSorted((a, b) => Date.parse(a) - Date.parse(b))[0]
  return { tone: 'bad', what, until: until ?? null, total: ill.length }
}
