import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { hasEnded, type Task } from '../api/types'
import { clock, useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { StatusWord } from '../ui/StatusWord'
import { took } from './times'

interface Props {
  tasks: Task[]
  /** The task that is open on the same page. */
  current?: string
}

/** Tasks as rows of one line, of two on a phone; they open in the playground's pane. */
export function TaskList({ tasks, current }: Props) {
  const now = useNow(true)
  return (
    <ul className="-mx-2">
      {tasks.map((task) => (
        <li key={task.id} className="not-last:border-b not-last:border-line">
          <Row task={task} now={now} isCurrent={task.id === current} />
        </li>
      ))}
    </ul>
  )
}

const rowLook =
  'grid min-h-10 grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3 px-2 py-1.5 text-sm hover:bg-hover aria-[current]:bg-accent-wash ' +
  'md:grid-cols-[7rem_minmax(0,1fr)_minmax(0,15rem)_6.5rem_7.5rem_4.5rem] max-md:gap-y-0.5 max-md:py-2.5'

interface RowProps {
  task: Task
  now: number
  isCurrent: boolean
}

function Row({ task, now, isCurrent }: RowProps) {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <Link
      to="/playground"
      search={{ task: task.id }}
      aria-current={isCurrent || undefined}
      className={rowLook}
    >
      <span className="max-md:text-xs">
        <StatusWord status={task.status} inDoubt={task.error_kind === 'in_doubt'} />
      </span>
      <span className="truncate max-md:order-first max-md:col-span-3" dir="auto">
        {task.prompt.slice(0, 300) || <span className="text-soft">{t('tasks.noPrompt')}</span>}
      </span>
      <span className="truncate text-soft max-md:text-xs" dir="auto">
        <Aside task={task} />
      </span>
      <span className="truncate text-soft max-md:hidden">
        {[task.duration && t('form.seconds', { n: task.duration }), task.ratio].filter(Boolean).join(' · ')}
      </span>
      <time
        dateTime={task.created_at}
        title={format.dateTime(task.created_at)}
        className="text-right whitespace-nowrap text-soft max-md:text-xs"
      >
        {format.ago(task.created_at, now)}
      </time>
      <span className="text-right text-soft max-md:hidden">{clock(took(task, now))}</span>
    </Link>
  )
}

/** What matters most beside the prompt: why it failed, where it waits, else the model. */
function Aside({ task }: { task: Task }) {
  const { t } = useTranslation()
  if (task.error_kind && task.status === 'failed')
    return t(`errorKind.${task.error_kind}`, t('errorKind.unknown'))
  if (!hasEnded(task.status) && task.queue_position !== null) {
    const position = task.queue_position
    return task.queue_total === null
      ? t('tasks.place', { position })
      : t('tasks.placeOf', { position, total: task.queue_total })
  }
  return task.model
}
