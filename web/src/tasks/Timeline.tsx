import { useState } from 'react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'
import { clock, parseEta, useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { ErrorNote } from '../ui/ErrorNote'
import { Clamped } from './Clamped'
import { historyQuery } from './taskQueries'
import { shortened, steps, type History, type Step } from './timeline'

/** What happened to a task: waits, attempts, polls, in order, with the upstream's own words. */
export function Timeline({ task }: { task: Task }) {
  const { t } = useTranslation()
  const history = useInfiniteQuery(historyQuery(task.id))
  const [isWhole, setWhole] = useState(false)
  const all = steps(history.data?.pages.flatMap((page) => page.history) ?? [])
  const { start, hidden, end } = isWhole ? { start: all, hidden: 0, end: [] } : shortened(all)
  const row = (step: Step) => <Row key={step.first.seq} step={step} since={all[0]?.first.at} />
  return (
    <section aria-labelledby="timeline" className="mt-9">
      <h2 id="timeline" className="text-sm font-semibold">
        {t('timeline.title')}
      </h2>
      {history.isError && !history.data && <ErrorNote error={history.error} onRetry={history.refetch} />}
      <ol className="mt-2 text-sm">
        {start.map(row)}
        {hidden > 0 && (
          <li className="border-l border-line py-1 pl-4">
            <Button look="quiet" onPress={() => setWhole(true)}>
              {t('timeline.hidden', { count: hidden })}
            </Button>
          </li>
        )}
        {end.map(row)}
      </ol>
      {history.hasNextPage && (
        <Button isBusy={history.isFetchingNextPage} onPress={() => history.fetchNextPage()}>
          {t('tasks.more')}
        </Button>
      )}
    </section>
  )
}

const bad = new Set<History['what']>(['failed_over', 'put_back', 'poll_failed', 'mirror_failed'])

function colour({ what, status }: History): string {
  if (what === 'ended') return { succeeded: 'bg-green', failed: 'bg-red' }[status as string] ?? 'bg-grey'
  if (bad.has(what)) return 'bg-amber'
  return what === 'created' || what === 'files_deleted' ? 'bg-grey' : 'bg-blue'
}

function Row({ step, since }: { step: Step; since: string | undefined }) {
  const { t } = useTranslation()
  const format = useFormat()
  const [isOpen, setOpen] = useState(false)
  const { last, count, events } = step
  return (
    <li className="relative border-l border-line pb-3 pl-4 last:border-transparent last:pb-0">
      <span
        aria-hidden
        className={`absolute top-[0.45rem] -left-[4.5px] size-2 rounded-full ${colour(last)}`}
      />
      <div className="flex items-baseline gap-3">
        <p className="min-w-0">
          <Words event={last} count={count} />
          {count > 1 && (
            <button
              type="button"
              aria-expanded={isOpen}
              onClick={() => setOpen(!isOpen)}
              className="ml-2 cursor-pointer text-xs text-accent hover:underline"
            >
              {isOpen ? t('task.showLess') : t('timeline.each')}
            </button>
          )}
        </p>
        <time
          dateTime={last.at}
          title={format.exact(last.at)}
          className="ml-auto shrink-0 text-xs text-soft"
          aria-label={format.exact(last.at)}
        >
          {since === undefined || last.at === since
            ? format.time(Date.parse(last.at))
            : `+${offset(last.at, since)}`}
        </time>
      </div>
      <Aside event={last} />
      {isOpen && (
        <ol className="mt-1 max-h-64 overflow-auto text-xs text-soft">
          {events.map((event) => (
            <li key={event.seq} className="flex gap-3 py-0.5">
              <span>{format.time(Date.parse(event.at))}</span>
              <QueueWords event={event} />
            </li>
          ))}
        </ol>
      )}
    </li>
  )
}

function offset(at: string, since: string): string {
  const length = Date.parse(at) - Date.parse(since)
  return length < 10_000 ? `${(length / 1000).toFixed(1)}s` : clock(length)
}

/** What happened, in a line. */
function Words({ event, count }: { event: History; count: number }) {
  const { t } = useTranslation()
  const format = useFormat()
  const { what, status, waited } = event
  const attempt = event.attempt ?? 1
  switch (what) {
    case 'admitted':
      return t('timeline.admitted', { attempt, waited: clock((waited ?? 0) * 1000) })
    case 'polled':
    case 'poll_failed':
    case 'mirror_failed':
      return t(`timeline.${what}`, { count, formatted: format.number(count) })
    case 'failed_over':
    case 'put_back':
    case 'accepted':
      return t(`timeline.${what}`, { attempt })
    case 'ended':
      return (
        <strong className="font-medium first-letter:uppercase inline-block">{t(`status.${status}`)}</strong>
      )
    default:
      return t(`timeline.${what}`)
  }
}

/** Where it happened and what the upstream said. */
function Aside({ event }: { event: History }) {
  const { t } = useTranslation()
  const where = [event.upstream, event.session_pool_id].filter(Boolean).join(' · ')
  const kind = event.error_kind as keyof typeof kinds | null
  const kinds = t('errorKind', { returnObjects: true })
  const code = [kind && (kinds[kind] ?? kind), event.error_code].filter(Boolean).join(' · ')
  return (
    <>
      {event.what === 'admitted' && where && (
        <p className="font-mono text-2xs break-all text-soft">{where}</p>
      )}
      <p className="text-xs text-soft empty:hidden">
        <QueueWords event={event} />
      </p>
      {code && <p className="text-xs text-soft">{code}</p>}
      {event.money && <p className="text-xs text-soft">{t(`task.money.${event.money}`)}</p>}
      {event.error_message && (
        <div className="mt-0.5">
          <Clamped text={event.error_message} className="font-mono text-2xs" />
        </div>
      )}
    </>
  )
}

/** The upstream's own queue, as it told it then. */
function QueueWords({ event }: { event: History }) {
  const { t } = useTranslation()
  const { queue_position: position, queue_total: total, queue_eta: eta } = event
  const left = eta === null ? null : parseEta(eta)
  return [
    position !== null &&
      (total === null ? t('tasks.place', { position }) : t('tasks.placeOf', { position, total })),
    eta && t('task.eta', { eta: left === null ? eta : clock(left) }),
  ]
    .filter(Boolean)
    .join(' · ')
}
