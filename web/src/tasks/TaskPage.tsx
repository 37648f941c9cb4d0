import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ChevronRight } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { taskQuery } from '../api/queries'
import { Page } from '../frame/Shell'
import { TaskMissing } from './TaskById'
import { RawTask } from './RawTask'
import { TaskFacts } from './TaskFacts'
import { TaskInput } from './TaskInput'
import { TaskLog } from './TaskLog'
import { TaskResult } from './TaskResult'
import { Timeline } from './Timeline'

const route = getRouteApi('/tasks/$id')

/** One task: the player or the progress first, then what happened, what went in, and the raw data. */
export function TaskPage() {
  const { t } = useTranslation()
  const { id } = route.useParams()
  const { data: task, error, refetch } = useQuery(taskQuery(id))
  return (
    <Page title={`${t('task.title')} ${id}`} heading={<Heading id={id} />}>
      {task ? (
        <div className="grid gap-x-12 gap-y-10 lg:grid-cols-[minmax(0,1fr)_19rem]">
          <div className="min-w-0">
            <TaskResult key={task.id} task={task} />
            <Timeline task={task} />
            <TaskInput task={task} />
            <TaskLog task={task} />
            <RawTask task={task} />
          </div>
          <TaskFacts task={task} />
        </div>
      ) : (
        error && <TaskMissing error={error} onRetry={refetch} />
      )}
    </Page>
  )
}

function Heading({ id }: { id: string }) {
  const { t } = useTranslation()
  return (
    <h1 className="flex min-w-0 items-center gap-1 text-base">
      <Link to="/tasks" activeOptions={{ exact: true }} className="text-soft hover:text-ink hover:underline">
        {t('tasks.title')}
      </Link>
      <ChevronRight aria-hidden size={15} className="shrink-0 text-soft" />
      <span className="truncate font-mono text-sm" title={id}>
        {id}
      </span>
    </h1>
  )
}
