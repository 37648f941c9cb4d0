import { lazy, Suspense, useMemo } from 'react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { ErrorKind } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import type { Series } from '../ui/Chart'
import { ErrorNote } from '../ui/ErrorNote'
import { useTimeline } from './queries'
import { tasksLink } from './tasksLink'

const Chart = lazy(async () => ({ default: (await import('../ui/Chart')).Chart }))
const route = getRouteApi('/')

/** The colours of the kinds of failures that happened most; the rest is grey. */
const failureColours = ['--color-red', '--color-amber', '--color-violet', '--color-blue']

/** What ended over time, and why it failed. A part of it can be looked at more closely. */
export function Throughput() {
  const { t } = useTranslation()
  const format = useFormat()
  const range = route.useSearch()
  const zoom = route.useNavigate()
  const go = useNavigate()
  const { timeline, error, refetch } = useTimeline(range)

  const at = useMemo(() => timeline?.buckets.map((bucket) => Date.parse(bucket.at)) ?? [], [timeline])
  const series = useMemo((): Series[] => {
    const buckets = timeline?.buckets ?? []
    const total = new Map<string, number>()
    for (const { errors } of buckets) {
      for (const [kind, n] of Object.entries(errors)) total.set(kind, (total.get(kind) ?? 0) + n)
    }
    const kinds = [...total.keys()].sort((a, b) => (total.get(b) ?? 0) - (total.get(a) ?? 0))
    return [
      {
        id: 'succeeded',
        label: t('status.succeeded'),
        colour: '--color-green',
        values: buckets.map((bucket) => bucket.succeeded),
      },
      ...kinds.map((kind, i) => ({
        id: kind,
        label: t(`errorKind.${kind as ErrorKind}`, { defaultValue: kind }),
        colour: failureColours[i] ?? '--color-edge',
        values: buckets.map(({ errors }) => errors[kind] ?? 0),
      })),
      ...(buckets.some(({ cancelled }) => cancelled > 0)
        ? [
            {
              id: 'cancelled',
              label: t('status.cancelled'),
              colour: '--color-grey',
              values: buckets.map((bucket) => bucket.cancelled),
            },
          ]
        : []),
    ]
  }, [timeline, t])

  if (!timeline) return error ? <ErrorNote error={error} onRetry={refetch} /> : <div className="mt-10 h-72" />
  const step = timeline.step * 1000
  /** Tasks are listed by their creation, charts by their end: most began not longer before than this. */
  const early = (timeline.time_to_finish?.p95 ?? 0) * 1000
  const tasksOf = (begin: number, id: string | null) =>
    tasksLink({
      status:
        id === null ? 'succeeded,failed,cancelled' : id === 'succeeded' || id === 'cancelled' ? id : 'failed',
      ...(id !== null && id !== 'succeeded' && id !== 'cancelled' && { error_kind: id }),
      from: new Date(begin - early).toISOString(),
      to: new Date(begin + step).toISOString(),
    })
  const isZoomed = range.from !== undefined
  const any = series.some(({ values }) => values.some((n) => n > 0))
  return (
    <section aria-labelledby="throughput" className="mt-10">
      <div className="mb-1 flex min-h-9 flex-wrap items-center gap-x-3">
        <h2 id="throughput" className="text-sm font-semibold">
          {t('overview.throughput')}
        </h2>
        <span className="text-xs text-soft">
          {isZoomed
            ? `${format.moment(timeline.from)} – ${format.moment(timeline.to)}`
            : t('overview.last24')}
        </span>
        {isZoomed && (
          <Button look="quiet" onPress={() => void zoom({ search: {} })}>
            {t('overview.reset')}
          </Button>
        )}
        {any && <span className="ml-auto text-xs text-soft max-sm:hidden">{t('overview.zoomHint')}</span>}
      </div>
      {timeline.partial && <p className="mb-2 text-xs text-amber">{t('overview.partial')}</p>}
      {any ? (
        <Suspense fallback={<div className="h-72" />}>
          <Chart
            label={t('overview.throughput')}
            at={at}
            step={step}
            series={series}
            nameOf={(begin) => `${format.moment(begin)} – ${format.hour(begin + step)}`}
            onZoom={(from, to) =>
              void zoom({ search: { from: new Date(from).toISOString(), to: new Date(to).toISOString() } })
            }
            onReset={() => void zoom({ search: {} })}
            onPick={(begin, id) => void go(tasksOf(begin, id))}
            action={(begin) => (
              <Link {...tasksOf(begin, null)} className="text-accent hover:underline">
                {t('overview.tasks')}
              </Link>
            )}
          />
        </Suspense>
      ) : (
        <p className="py-10 text-center text-sm text-soft">{t('overview.nothing')}</p>
      )}
    </section>
  )
}
