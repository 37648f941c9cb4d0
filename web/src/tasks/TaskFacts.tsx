import type { ReactNode } from 'react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { hasEnded, type Task } from '../api/types'
import { clock, useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { historyQuery } from './taskQueries'
import { took, waited } from './times'

/** Everything else that is known of a task. */
export function TaskFacts({ task }: { task: Task }) {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow(!hasEnded(task.status))
  const output = [task.duration && t('form.seconds', { n: task.duration }), task.ratio, task.resolution]
  const artifacts = task.artifacts ?? []
  return (
    <section aria-labelledby="facts">
      <h2 id="facts" className="text-sm font-semibold">
        {t('task.facts')}
      </h2>
      <dl className="mt-1 text-sm">
        <Fact name={t('task.created')} value={<Moment at={task.created_at} />} />
        <Fact name={t('task.waited')} value={clock(waited(task, now))} />
        <Fact name={t('task.started')} value={task.started_at && <Moment at={task.started_at} />} />
        <Fact name={t('task.finished')} value={task.finished_at && <Moment at={task.finished_at} />} />
        <Fact name={t('task.took')} value={clock(took(task, now))} />
        {!hasEnded(task.status) && (
          <>
            {task.status === 'queued' && (
              <Fact
                name={t('task.startDeadline')}
                value={task.start_deadline && <Moment at={task.start_deadline} />}
              />
            )}
            <Fact name={t('task.deadline')} value={task.deadline && <Moment at={task.deadline} />} />
          </>
        )}
        <Fact name={t('task.model')} value={task.model} />
        <Fact name={t('task.output')} value={output.filter(Boolean).join(' · ')} />
        {artifacts.map((artifact, index) => (
          <Fact
            key={index}
            name={artifact.poster ? t('task.poster') : t('task.files')}
            value={
              artifact.expired
                ? t('task.expired')
                : artifact.size !== null && (
                    <span title={`${t('task.checksum')} ${artifact.sha256}`}>
                      {artifact.content_type} · {format.bytes(artifact.size)}
                    </span>
                  )
            }
          />
        ))}
        <Fact name={t('task.spent')} value={<Spent task={task} />} />
        <Fact name={t('task.session')} value={task.session_pool_id} code />
        <Fact name={t('task.upstreamId')} value={task.history_record_id} code />
        <Fact name={t('task.requestId')} value={task.request_id} code />
        <Fact name={t('task.priority')} value={task.priority !== 0 && String(task.priority)} />
        <Fact
          name={t('task.retryOf')}
          code
          value={
            task.retry_of && (
              <Link to="/tasks/$id" params={{ id: task.retry_of }} className="text-accent hover:underline">
                {task.retry_of}
              </Link>
            )
          }
        />
      </dl>
    </section>
  )
}

/** Whether the upstream took credits: it does for what it accepts. */
function Spent({ task }: { task: Task }) {
  const { t } = useTranslation()
  const { data } = useInfiniteQuery(historyQuery(task.id))
  const attempts = data?.pages[0]?.attempts
  if (!attempts) return null
  const count = attempts.filter(({ state }) => state === 'accepted').length
  if (attempts.some(({ state }) => state === 'in_doubt')) return t('task.spentDoubt')
  if (count > 0) return t('task.spentAccepted', { count })
  return attempts.some(({ state }) => state === 'sending') ? t('task.spentSending') : t('task.spentNothing')
}

function Moment({ at }: { at: string }) {
  const format = useFormat()
  return (
    <time dateTime={at} title={at}>
      {format.dateTime(at)}
    </time>
  )
}

function Fact({ name, value, code = false }: { name: string; value: ReactNode; code?: boolean }) {
  if (!value) return null
  return (
    <div className="flex justify-between gap-4 border-b border-line py-1.5 last:border-0">
      <dt className="whitespace-nowrap text-soft">{name}</dt>
      <dd className={`min-w-0 text-right ${code ? 'font-mono text-xs break-all' : 'break-words'}`}>
        {value}
      </dd>
    </div>
  )
}
