import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { meQuery, poolQuery, statsQuery } from '../api/queries'
import { may, type Schemas } from '../api/types'
import { clock, useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { useTimeline } from './queries'
import { Sparkline } from './Sparkline'

type Bucket = Schemas['Bucket']

/** Four figures, each with what it means and how the last day went. */
export function Figures() {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow()
  const { data: me } = useSuspenseQuery(meQuery)
  const { data: counts } = useQuery(statsQuery)
  const { timeline } = useTimeline()
  const { data: pool } = useQuery({ ...poolQuery, enabled: may(me, 'pool:read') })
  if (!counts || !timeline) return <div className="mt-6 min-h-24" />
  const { buckets, time_to_start: start, time_to_finish: finish } = timeline
  const series = (of: (bucket: Bucket) => number) => buckets.map(of)
  const today = new Date(now).setHours(0, 0, 0, 0)
  const sum = (of: (bucket: Bucket) => number) =>
    buckets.reduce((sum, bucket) => (Date.parse(bucket.at) >= today ? sum + of(bucket) : sum), 0)
  const succeeded = sum((bucket) => bucket.succeeded)
  const failed = sum((bucket) => bucket.failed)
  const ended = succeeded + failed + sum((bucket) => bucket.cancelled)
  const length = (seconds: number) => clock(Math.round(seconds) * 1000)
  return (
    <section aria-label={t('overview.figures')} className="mt-6">
      <dl className="grid grid-cols-2 gap-x-8 gap-y-6 lg:grid-cols-4">
        <Figure
          name={t('overview.running')}
          value={format.number(counts.running)}
          aside={pool && t('overview.slots', { slots: format.number(pool.slots) })}
          spark={series((bucket) => bucket.succeeded + bucket.failed + bucket.cancelled)}
          sparkLabel={t('overview.sparkEnded')}
          colour="text-blue"
        />
        <Figure
          name={t('overview.queued')}
          value={format.number(counts.queued)}
          aside={t('overview.arrived', {
            n: format.number(buckets.reduce((sum, bucket) => sum + bucket.created, 0)),
          })}
          spark={series((bucket) => bucket.created)}
          sparkLabel={t('overview.sparkCreated')}
          colour="text-grey"
        />
        <Figure
          name={t('overview.today')}
          value={format.number(ended)}
          aside={
            succeeded + failed > 0
              ? t('overview.rate', { percent: format.percent(succeeded / (succeeded + failed)) })
              : t('overview.noneEnded')
          }
          spark={series((bucket) => bucket.succeeded)}
          sparkLabel={t('overview.sparkSucceeded')}
          colour="text-green"
        />
        <Figure
          name={t('overview.duration')}
          value={finish ? length(finish.p50) : '–'}
          aside={
            <>
              {finish && t('overview.finishWithin', { p95: length(finish.p95) })}
              {start && (
                <span className="block">
                  {start.p50 >= 1
                    ? t('overview.startAfter', { p50: length(start.p50), p95: length(start.p95) })
                    : start.p95 >= 1
                      ? t('overview.startHalfAtOnce', { p95: length(start.p95) })
                      : t('overview.startAtOnce')}
                </span>
              )}
            </>
          }
        />
      </dl>
    </section>
  )
}

interface FigureProps {
  name: string
  value: string
  aside?: React.ReactNode
  spark?: number[]
  sparkLabel?: string
  colour?: string
}

function Figure({ name, value, aside, spark, sparkLabel = '', colour = '' }: FigureProps) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-soft">{name}</dt>
      <dd>
        <span className="block text-2xl leading-9 font-semibold">{value}</span>
        {spark && <Sparkline values={spark} label={sparkLabel} className={colour} />}
        <span className="mt-1 block text-xs text-soft">{aside}</span>
      </dd>
    </div>
  )
}
