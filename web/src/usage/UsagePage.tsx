import { lazy, Suspense, useMemo } from 'react'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { may, type Schemas } from '../api/types'
import { Page } from '../frame/Shell'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { useLiveCharts } from '../overview/queries'
import { buttonLook } from '../ui/Button'
import { Choose } from '../ui/Choose'
import { Empty } from '../ui/Empty'
import { ErrorNote } from '../ui/ErrorNote'
import { Pick } from '../ui/Pick'
import { firstDay, keyNamesQuery, usageQuery } from './queries'
import { daysBetween, stacks } from './rows'
import { groupings, measures, ranges, type UsageSearch } from './search'
import { UsageTable } from './UsageTable'

const Chart = lazy(async () => ({ default: (await import('../ui/Chart')).Chart }))
const route = getRouteApi('/usage')

const stackColours = [
  '--color-accent',
  '--color-blue',
  '--color-green',
  '--color-amber',
  '--color-violet',
  '--color-red',
]

/** What was used, by whom, with what, and when. */
export function UsagePage() {
  const { t } = useTranslation()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  useLiveCharts()
  const { range = '30d', by = 'day', measure = 'tasks', key } = search
  const from = firstDay(range, useNow(false))
  const filter = { from, key }
  const table = useQuery(usageQuery({ ...filter, group_by: [by] }))
  const chart = useQuery(usageQuery({ ...filter, group_by: by === 'day' ? ['day'] : [by, 'day'] }))
  const change = (change: UsageSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
  const csv = new URLSearchParams({ from, group_by: by, format: 'csv', ...(key && { key }) })
  const usage = table.data
  const failed = table.error ?? chart.error
  const isEmpty = usage && usage.rows.length === 0
  return (
    <Page title={t('nav.usage')}>
      {usage && !isEmpty && <Answer usage={usage} />}
      <div className="mt-3 mb-6 flex flex-wrap items-end gap-x-6 gap-y-2">
        <Pick
          label={t('usage.range')}
          value={range}
          options={ranges.map((id) => ({ id, content: t(`usage.ranges.${id}`) }))}
          onChange={(id) => change({ range: ranges.find((range) => range === id) })}
        />
        <Pick
          label={t('usage.by')}
          value={by}
          options={groupings.map((id) => ({ id, content: t(`usage.grouping.${id}`) }))}
          onChange={(id) =>
            change({ by: groupings.find((by) => by === id), sort: undefined, order: undefined })
          }
        />
        <Choose
          label={t('usage.measure')}
          value={measure}
          options={measures.map((id) => ({ id, text: t(`usage.measures.${id}`) }))}
          onChange={(measure) => change({ measure })}
        />
        <KeyChoice value={key} onChange={(key) => change({ key })} />
        <a href={`/api/v1/usage?${csv}`} download className={`${buttonLook('plain')} ml-auto`}>
          <Download aria-hidden size={15} />
          {t('usage.csv')}
        </a>
      </div>
      {failed && !usage && <ErrorNote error={failed} onRetry={() => void table.refetch()} />}
      {isEmpty && (
        <Empty
          title={t('usage.empty')}
          action={
            <Link to="/playground" className={buttonLook('plain')}>
              {t('usage.toPlayground')}
            </Link>
          }
        >
          {t('usage.emptyHint')}
        </Empty>
      )}
      {usage && !isEmpty && (
        <>
          {chart.data ? <Stacked usage={chart.data} {...{ by, measure }} /> : <div className="h-72" />}
          <UsageTable
            rows={usage.rows}
            total={usage.total}
            by={by}
            sort={search.sort ?? (by === 'day' ? 'name' : measure)}
            order={search.order ?? 'down'}
            onSort={(sort, order) => change({ sort, order })}
          />
          <p className="mt-3 text-xs text-soft">{t('usage.days', { zone: usage.time_zone })}</p>
        </>
      )}
    </Page>
  )
}

function Answer({ usage: { from, to, total } }: { usage: Schemas['UsageAnswer'] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const ended = total.succeeded + total.failed
  const told = {
    from: format.date(from),
    to: format.date(to),
    tasks: format.number(total.tasks),
    credits: format.number(total.credits),
  }
  return (
    <p className="mt-2 max-w-4xl text-xl leading-8 font-medium text-balance">
      {ended > 0
        ? t('usage.answer', { ...told, percent: format.percent(total.succeeded / ended) })
        : t('usage.answerOpen', told)}
    </p>
  )
}

/** Whose usage: for admins only, others see their own. */
function KeyChoice({ value, onChange }: { value?: string; onChange: (key: string | undefined) => void }) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const { data: keys } = useQuery({ ...keyNamesQuery, enabled: may(me, 'admin') })
  if (!keys) return null
  const options = [{ id: '', text: t('usage.allKeys') }, ...keys.map(({ id, name }) => ({ id, text: name }))]
  return (
    <div className="max-w-56">
      <Choose
        label={t('usage.key')}
        value={value ?? ''}
        options={options}
        onChange={(key) => onChange(key || undefined)}
      />
    </div>
  )
}

interface StackedProps {
  usage: Schemas['UsageAnswer']
  by: NonNullable<UsageSearch['by']>
  measure: NonNullable<UsageSearch['measure']>
}

function Stacked({ usage, by, measure }: StackedProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const days = useMemo(() => daysBetween(usage.from, usage.to), [usage])
  // The bars stand on the reader's clock, whatever zone the days are of.
  const at = useMemo(() => days.map((day) => new Date(`${day}T00:00`).getTime()), [days])
  const series = useMemo(
    () =>
      stacks(usage.rows, days, by, measure, stackColours.length).map(({ id, name, values }, i) => ({
        id: id ?? 'others',
        label:
          by === 'day'
            ? t(`usage.measures.${measure}`)
            : id === null
              ? t('usage.others')
              : name || t('usage.requestsOnly'),
        colour: stackColours[i] ?? '--color-edge',
        values,
      })),
    [usage, days, by, measure, t],
  )
  return (
    <Suspense fallback={<div className="h-72" />}>
      <Chart
        label={t('usage.chart')}
        at={at}
        step={86_400_000}
        series={series}
        nameOf={(begin) =>
          format.date(
            new Date(begin - new Date(begin).getTimezoneOffset() * 60_000).toISOString().slice(0, 10),
          )
        }
      />
    </Suspense>
  )
}
