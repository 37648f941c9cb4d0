import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import type { Session } from './state'

interface Props {
  pool: Schemas['PoolSummary']
  sessions: Session[]
}

/** Whether a task can start now, and if not, why. */
export function PoolAnswer({ pool, sessions }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const ready = sessions.filter(({ state }) => state === 'ready').length
  const aside =
    ready > 0
      ? t('sessions.answer.free_aside', {
          ready: format.number(ready),
          count: sessions.length,
          running: format.number(pool.running),
          slots: format.number(pool.slots),
        })
      : t('sessions.answer.noneReady', { count: sessions.length })
  return (
    <section aria-label={t('sessions.answer.why')} className="mb-4 max-w-3xl">
      <p className="text-lg font-medium">
        <Headline pool={pool} busy={sessions.some(({ code }) => code === 'busy')} />
      </p>
      <p className="text-sm text-soft">
        {aside} {pool.free === 0 && pool.next_slot_at && <Next at={pool.next_slot_at} />}{' '}
        {pool.waiting.tasks > 0 &&
          t('sessions.answer.waiting', {
            count: pool.waiting.tasks,
            formatted: format.number(pool.waiting.tasks),
          })}
      </p>
      {pool.upstreams.map((upstream) => (
        <UpstreamTrouble key={upstream.name} upstream={upstream} />
      ))}
      <details key={String(pool.free === 0)} open={pool.free === 0} className="mt-1 text-sm">
        <summary className="target w-fit cursor-pointer content-center text-soft hover:text-ink">
          {t('sessions.answer.why')}
        </summary>
        <Reasons sessions={sessions} />
      </details>
    </section>
  )
}

function Headline({ pool, busy }: { pool: Props['pool']; busy: boolean }) {
  const { t } = useTranslation()
  const format = useFormat()
  if (pool.free > 0)
    return t('sessions.answer.free', { count: pool.free, formatted: format.number(pool.free) })
  return busy ? t('sessions.answer.full') : <span className="text-red">{t('sessions.answer.none')}</span>
}

function Next({ at }: { at: string }) {
  const { t } = useTranslation()
  const format = useFormat()
  return t('sessions.answer.next', { when: format.when(at, useNow()) })
}

function UpstreamTrouble({ upstream }: { upstream: Schemas['Upstream'] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const { name, configured, benched_until, reason, running, limit } = upstream
  let text = ''
  if (!configured) text = t('sessions.answer.missing', { name })
  else if (benched_until)
    text = t('sessions.answer.benched', {
      name,
      time: format.time(Date.parse(benched_until)),
      reason: reason ?? '',
    })
  else if (limit !== null && running >= limit)
    text = t('sessions.answer.upstreamFull', { name, count: running })
  return text && <p className="mt-1 line-clamp-3 text-sm text-amber">{text}</p>
}

/** How many sessions may not take a task, by what keeps them. */
function Reasons({ sessions }: { sessions: Session[] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const byCode = new Map<Session['code'], number>()
  for (const { code } of sessions) byCode.set(code, (byCode.get(code) ?? 0) + 1)
  return (
    <ul className="pb-1">
      {[...byCode].map(([code, count]) => (
        <li key={code}>
          <span className="inline-block min-w-8 text-right">{format.number(count)}</span>{' '}
          {t(`sessions.code.${code}`)}
        </li>
      ))}
    </ul>
  )
}
