import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { hasEnded, type Task } from '../api/types'
import { clock, useFormat } from '../i18n/format'
import { useTimeText } from '../i18n/useNow'
import { took, waited } from './times'

/** The columns beside the state and the prompt, which are always there; in their order. */
export const columns = [
  'note',
  'model',
  'key',
  'session',
  'upstream',
  'output',
  'created',
  'waited',
  'took',
] as const
export type Column = (typeof columns)[number]

const widths: Record<Column, string> = {
  note: 'minmax(6rem,3fr)',
  model: 'minmax(9.5rem,2.5fr)',
  key: 'minmax(4rem,1fr)',
  session: 'minmax(4rem,1.5fr)',
  upstream: 'minmax(4rem,1fr)',
  output: '6.5rem',
  created: '7.5rem',
  waited: '4.5rem',
  took: '4.5rem',
}

export const isFigure = (column: Column) => column === 'created' || column === 'waited' || column === 'took'

export function tracks(shown: readonly Column[], isSelectable: boolean): string {
  return [
    ...(isSelectable ? ['1.25rem'] : []),
    '7rem',
    'minmax(10rem,8fr)',
    ...shown.map((column) => widths[column]),
    '2rem',
  ].join(' ')
}

interface Props {
  column: Column
  task: Task
  /** Names of keys and labels of sessions by their ids, where they are known. */
  names: ReadonlyMap<string, string>
}

export function Cell({ column, task, names }: Props): ReactNode {
  const { t } = useTranslation()
  switch (column) {
    case 'note':
      return <Note task={task} />
    case 'model':
      return task.model
    case 'key':
      return names.get(task.key_id) ?? task.key_id
    case 'session':
      return task.session_pool_id && (names.get(task.session_pool_id) ?? task.session_pool_id)
    case 'upstream':
      return task.upstream
    case 'output':
      return [task.duration && t('form.seconds', { n: task.duration }), task.ratio]
        .filter(Boolean)
        .join(' · ')
    case 'created':
      return <Created task={task} />
    case 'waited':
      return <Lasts task={task} of={waited} />
    case 'took':
      return <Lasts task={task} of={took} />
  }
}

function Created({ task }: { task: Task }) {
  const format = useFormat()
  const ago = useTimeText((now) => format.ago(task.created_at, now))
  return (
    <time dateTime={task.created_at} title={format.exact(task.created_at)}>
      {ago}
    </time>
  )
}

function Lasts({ task, of }: { task: Task; of: (task: Task, now: number) => number }) {
  return useTimeText((now) => clock(of(task, now)))
}

/** Why it failed, where it stands, or what the upstream keeps from us. */
export function Note({ task }: { task: Task }): ReactNode {
  const { t } = useTranslation()
  if (task.status === 'failed') {
    const kind = task.error_kind ?? 'unknown'
    const text = kind === 'unknown' ? task.error_message?.slice(0, 300) : t(`errorKind.${kind}`)
    return <span title={task.error_message?.slice(0, 500)}>{text ?? t('errorKind.unknown')}</span>
  }
  if (hasEnded(task.status)) return task.money === 'runs_on_upstream' ? t('tasks.runsOn') : null
  if (task.queue_position !== null) {
    const position = task.queue_position
    return task.queue_total === null
      ? t('tasks.place', { position })
      : t('tasks.placeOf', { position, total: task.queue_total })
  }
  return task.delay_reason?.slice(0, 300)
}
