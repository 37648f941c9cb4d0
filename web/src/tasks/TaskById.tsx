import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import { taskQuery } from '../api/queries'
import { ErrorNote } from '../ui/ErrorNote'
import { buttonLook } from '../ui/Button'
import { TaskResult } from './TaskResult'

/** A task in the playground: its result, its state, and a way to everything else. */
export function TaskById({ id }: { id: string }) {
  const { t } = useTranslation()
  const { data: task, error, refetch } = useQuery(taskQuery(id))
  if (task) {
    return (
      <TaskResult key={task.id} task={task} stayHere>
        <Link to="/tasks/$id" params={{ id }} className={buttonLook('quiet')}>
          {t('result.open')}
        </Link>
      </TaskResult>
    )
  }
  if (error === null) return <div aria-busy className="min-h-56 rounded-xl bg-well lg:min-h-100" />
  return <TaskMissing error={error} onRetry={refetch} />
}

export function TaskMissing({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const { t } = useTranslation()
  if (error instanceof ApiError && error.status === 404) {
    return (
      <p role="alert" className="py-6 text-sm">
        {t('error.taskNotFound')}{' '}
        <Link to="/tasks" className="text-accent underline">
          {t('error.toTasks')}
        </Link>
      </p>
    )
  }
  return <ErrorNote error={error} onRetry={onRetry} />
}
