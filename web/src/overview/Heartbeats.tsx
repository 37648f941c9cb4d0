import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { sessionsQuery } from '../api/queries'
import type { ErrorKind, Schemas } from '../api/types'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { heartbeatsQuery } from './queries'
import { isAble } from './verdict'

/** How many are shown; the others are on the page of the sessions. */
const shown = 20

type Session = Schemas['Pooled']
type Heartbeat = Schemas['Heartbeat']

const colours: Record<Session['code'], string> = {
  ready: 'text-green',
  busy: 'text-green',
  half_open: 'text-amber',
  upstream_benched: 'text-amber',
  upstream_full: 'text-green',
  upstream_not_configured: 'text-red',
  cooling: 'text-amber',
  exhausted: 'text-violet',
  dead: 'text-red',
  disabled: 'text-grey',
}

const sum = (values: readonly number[] = []) => values.reduce((sum, n) => sum + n, 0)

/** The last day of each session in half-hours, the ones that want attention first. */
export function Heartbeats() {
  const { t } = useTranslation()
  const { data: sessions } = useQuery(sessionsQuery)
  const { data: hearts } = useQuery(heartbeatsQuery)
  if (!sessions?.length || !hearts) return null
  const byId = new Map(hearts.sessions.map((heart) => [heart.id, heart]))
  const rank = (session: Session) => (isAble(session) ? 0 : session.code === 'disabled' ? -1 : 1)
  const share = ({ id }: Session) => {
    const [bad, good] = [sum(byId.get(id)?.failed), sum(byId.get(id)?.succeeded)]
    return bad / Math.max(1, bad + good)
  }
  const worst = sessions.toSorted((a, b) => rank(b) - rank(a) || share(b) - share(a)).slice(0, shown)
  return (
    <section aria-labelledby="hearts" className="min-w-0">
      <div className="mb-1 flex min-h-9 items-center justify-between gap-3">
        <h2 id="hearts" className="text-sm font-semibold">
          {t('overview.hearts')}
        </h2>
        <Link to="/sessions" className="target inline-flex items-center text-xs text-accent hover:underline">
          {t('overview.allSessions', { count: sessions.length })}
        </Link>
      </div>
      <ul>
        {worst.map((session) => (
          <Row key={session.id} session={session} heart={byId.get(session.id)} />
        ))}
      </ul>
    </section>
  )
}

function Row({ session, heart }: { session: Session; heart?: Heartbeat }) {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow(session.until !== null)
  const until = session.until && Date.parse(session.until) > now ? session.until : null
  const [good, bad] = [sum(heart?.succeeded), sum(heart?.failed)]
  const last = heart?.error_kinds.findLast((kind) => kind !== null)
  const told = {
    ok: format.number(good),
    failed: format.number(bad),
    kind: last ? t(`errorKind.${last as ErrorKind}`, { defaultValue: last }) : '',
  }
  const says =
    good + bad === 0 ? t('overview.noBeats') : t(last ? 'overview.beatsLast' : 'overview.beats', told)
  return (
    <li className="grid grid-cols-[minmax(0,13rem)_minmax(0,1fr)] items-center gap-x-4 py-1.5 max-sm:grid-cols-1">
      <span className="flex min-w-0 items-baseline gap-2 text-sm">
        <span dir="auto" className="truncate" title={session.label || session.session_id}>
          {session.label || session.session_id}
        </span>
        <span className={`shrink-0 text-xs ${colours[session.code]}`} title={session.message}>
          {t(`overview.code.${session.code}`)}
          {until && ` ${format.when(until, now)}`}
        </span>
      </span>
      <Beats heart={heart} says={says} />
    </li>
  )
}

const barWidth = 4
const barStep = 6

function Beats({ heart, says }: { heart?: Heartbeat; says: string }) {
  const bars = heart?.succeeded ?? []
  return (
    <svg
      role="img"
      aria-label={says}
      viewBox={`0 0 ${48 * barStep - barStep + barWidth} 18`}
      preserveAspectRatio="none"
      className="h-5 w-full max-w-md"
    >
      <title>{says}</title>
      {bars.map((good, i) => {
        const bad = heart?.failed[i] ?? 0
        const colour = bad === 0 ? (good ? 'text-green' : 'text-line') : good ? 'text-amber' : 'text-red'
        return (
          <rect
            key={i}
            x={i * barStep}
            y={0}
            width={barWidth}
            height={18}
            rx={1.5}
            fill="currentColor"
            className={colour}
          />
        )
      })}
    </svg>
  )
}
