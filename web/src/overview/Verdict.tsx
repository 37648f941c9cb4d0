import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { healthQuery, meQuery, poolQuery, sessionsQuery, statsQuery } from '../api/queries'
import { may, type Schemas } from '../api/types'
import { clock, useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { buttonLook } from '../ui/Button'
import { timelineQuery } from './queries'
import { verdictOf, type Verdict as Said } from './verdict'
import { tasksLink } from './tasksLink'

const colours = { new: 'text-accent', bad: 'text-red', warn: 'text-amber', good: 'text-green' }

/** Is it all right? In one sentence, with what to do if it is not. */
export function Verdict() {
  const { data: me } = useSuspenseQuery(meQuery)
  const { data: counts } = useQuery({ ...statsQuery, enabled: may(me, 'task:read') })
  const { data: timeline } = useQuery({ ...timelineQuery(), enabled: may(me, 'task:read') })
  const { data: pool, isLoading: awaitsPool } = useQuery({ ...poolQuery, enabled: may(me, 'pool:read') })
  const { data: sessions } = useQuery({ ...sessionsQuery, enabled: may(me, 'pool:read') })
  const { data: health } = useQuery(healthQuery)
  if (!health || awaitsPool) return <p className="mt-2 min-h-16" />
  const verdict = verdictOf({ me, counts, pool, sessions, health })
  return (
    <div className="mt-2 flex min-h-16 max-w-4xl items-start gap-3">
      <svg
        aria-hidden
        width="12"
        height="12"
        viewBox="0 0 10 10"
        className={`mt-2.5 shrink-0 ${colours[verdict.tone]}`}
      >
        <circle cx="5" cy="5" r="5" fill="currentColor" />
      </svg>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <p className="text-xl leading-8 font-medium text-balance" data-tone={verdict.tone}>
          <Sentence verdict={verdict} counts={counts} pool={pool} sessions={sessions} timeline={timeline} />
        </p>
        <Action verdict={verdict} />
      </div>
    </div>
  )
}

interface SentenceProps {
  verdict: Said
  counts?: Schemas['TaskCounts']
  pool?: Schemas['PoolSummary']
  sessions?: Schemas['Pooled'][]
  timeline?: Schemas['TimelineAnswer']
}

function Sentence({ verdict, counts, pool, sessions, timeline }: SentenceProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow()
  /** Without the full stop of an abbreviation: the sentence has one. */
  const when = (at: string) => format.when(at, now).replace(/\.$/, '')
  const until = (at: string | null) => (at ? t('overview.verdict.until', { time: when(at) }) : '')
  const running = format.number(pool?.running ?? counts?.running ?? 0)
  const queued = format.number(pool?.waiting.tasks ?? counts?.queued ?? 0)
  switch (verdict.what) {
    case 'exhausted':
    case 'cooling':
      return t(`overview.verdict.${verdict.what}`, { count: verdict.total, until: until(verdict.until) })
    case 'dead':
    case 'disabled':
    case 'mixed':
      return t(`overview.verdict.${verdict.what}`, { count: verdict.total })
    case 'benched':
      return t('overview.verdict.benched', { upstream: verdict.upstream, until: until(verdict.until) })
    case 'down':
    case 'degraded':
      return t(`overview.verdict.${verdict.what}`, { component: verdict.component })
    case 'waiting': {
      const next = verdict.until ? t('overview.verdict.next', { when: when(verdict.until) }) : ''
      return t('overview.verdict.waiting', { running, queued, next })
    }
    case 'someIll':
      return t('overview.verdict.someIll', { running, ill: format.number(verdict.ill), count: verdict.total })
    case 'running': {
      const usual = (timeline?.time_to_start?.p50 ?? 0) * 1000
      const start =
        pool?.free || usual < 1000
          ? t('overview.verdict.atOnce')
          : t('overview.verdict.about', { time: clock(usual) })
      const busy = format.number(sessions?.filter((session) => session.running > 0).length ?? 0)
      return t('overview.verdict.running', { running, busy, count: sessions?.length ?? 0, start })
    }
    default:
      return t(`overview.verdict.${verdict.what}`, { running, queued })
  }
}

function Action({ verdict }: { verdict: Said }) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const look = buttonLook('plain')
  if (verdict.tone === 'new') return null // the first steps below are the action
  if (verdict.what === 'down' || verdict.what === 'degraded') {
    return (
      may(me, 'log:read') && (
        <Link to="/logs" className={look}>
          {t('overview.verdict.toLogs')}
        </Link>
      )
    )
  }
  if (verdict.what === 'waiting') {
    return (
      <Link {...tasksLink({ status: 'queued' })} className={look}>
        {t('overview.verdict.toQueue')}
      </Link>
    )
  }
  if (verdict.tone !== 'good') {
    return (
      <Link to="/sessions" className={look}>
        {t('overview.verdict.toSessions')}
      </Link>
    )
  }
  if (verdict.what === 'idle') {
    return (
      may(me, 'video:create') && (
        <Link to="/playground" className={look}>
          {t('overview.verdict.toPlayground')}
        </Link>
      )
    )
  }
  return (
    <Link to="/tasks" className={look}>
      {t('overview.verdict.toTasks')}
    </Link>
  )
}
