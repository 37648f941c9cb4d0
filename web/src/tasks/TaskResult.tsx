import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'
import { clock } from '../i18n/format'
import { StatusWord } from '../ui/StatusWord'
import { Failure } from './Failure'
import { Media } from './Media'
import { Progress } from './Progress'
import { TaskActions } from './TaskActions'
import { took } from './times'

interface Props {
  task: Task
  /** Open a retry in the playground's pane instead of on its own page. */
  stayHere?: boolean
  /** More actions. */
  children?: ReactNode
}

/** The answer first: the video, or how far it is, or why there is none. */
export function TaskResult({ task, stayHere = false, children }: Props) {
  const { t } = useTranslation()
  const facts = [
    task.model,
    task.duration && t('form.seconds', { n: task.duration }),
    task.ratio,
    task.finished_at && clock(took(task, 0)),
  ]
  return (
    <div>
      <Stage task={task} />
      <div className="mt-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        <p className="mr-auto flex min-w-0 flex-wrap items-baseline gap-x-3 text-sm">
          <StatusWord status={task.status} inDoubt={task.error_kind === 'in_doubt'} />
          <span className="min-w-0 break-all text-soft">{facts.filter(Boolean).join(' · ')}</span>
        </p>
        <div className="flex flex-wrap gap-1 sm:-mr-2">
          <TaskActions task={task} stayHere={stayHere} />
          {children}
        </div>
      </div>
    </div>
  )
}

function Stage({ task }: { task: Task }) {
  switch (task.status) {
    case 'succeeded':
      return <Media task={task} />
    case 'failed':
    case 'cancelled':
      return <Failure task={task} />
    default:
      return <Progress task={task} />
  }
}
