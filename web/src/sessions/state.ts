import type { Schemas } from '../api/types'
import type { SessionsSearch, Sorting } from './search'

export type Session = Schemas['Pooled']
export type State = Session['state']

export const states = ['ready', 'cooling', 'exhausted', 'dead', 'disabled'] as const satisfies State[]

/** Its pause is over, and one attempt decides whether it works. */
export function isOnTrial({ state, code }: Session): boolean {
  return state !== 'ready' && ['ready', 'half_open', 'busy'].includes(code)
}

/** The share of its attempts that succeeded, null before the first. */
export function successRate({ succeeded, failed }: Session): number | null {
  return succeeded + failed === 0 ? null : succeeded / (succeeded + failed)
}

/** What it is called: its label, or its masked secret. */
export function nameOf({ label, session_id }: Schemas['Session']): string {
  return label || session_id
}

/** The sessions that the address asks for, in its order. */
export function shown(sessions: Session[], search: SessionsSearch): Session[] {
  const words = search.text?.toLowerCase()
  const chosen = sessions.filter(
    (s) =>
      (!search.state || s.state === search.state) &&
      (!search.upstream || s.upstream === search.upstream) &&
      (!words ||
        [s.label, s.id, s.session_id, s.reason ?? ''].some((text) => text.toLowerCase().includes(words))),
  )
  if (!search.sort) return chosen
  const value = values[search.sort]
  const sign = search.order === 'desc' ? -1 : 1
  return chosen.sort((a, b) => sign * compare(value(a), value(b)))
}

type Value = string | number

/** What nobody knows comes first, and last when turned around. */
const values: Record<Sorting, (session: Session) => Value> = {
  label: (s) => nameOf(s).toLowerCase(),
  state: (s) => states.indexOf(s.state),
  running: (s) => s.running,
  credits: (s) => s.credits ?? -1,
  success: (s) => successRate(s) ?? -1,
  used: (s) => (s.last_used_at ? Date.parse(s.last_used_at) : 0),
}

function compare(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b, undefined, { numeric: true })
  return Number(a) - Number(b)
}
