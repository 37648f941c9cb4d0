import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { may, type Task } from '../api/types'
import { LogLine } from '../logs/LogLine'
import { taskLogQuery } from './taskQueries'

/** What the upstream's container and the gateway wrote about the task. */
export function TaskLog({ task }: { task: Task }) {
  const { data: me } = useSuspenseQuery(meQuery)
  return may(me, 'log:read') && task.started_at ? <Lines task={task} /> : null
}

function Lines({ task }: { task: Task }) {
  const { t } = useTranslation()
  const { data } = useQuery(taskLogQuery(task.id))
  if (!data) return null
  return (
    <section aria-labelledby="task-log" className="mt-9">
      <div className="flex items-baseline justify-between">
        <h2 id="task-log" className="text-sm font-semibold">
          {t('logs.title')}
        </h2>
        <Link to="/logs" search={{ task: task.id }} className="text-xs text-accent hover:underline">
          {t('task.toLogs')}
        </Link>
      </div>
      {data.entries.length > 0 ? (
        <ul
          // A region that scrolls has to be reached by keyboard.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          aria-labelledby="task-log"
          className="mt-2 max-h-96 overflow-auto rounded-md bg-well p-2 font-mono text-2xs"
        >
          {data.entries.map((entry) => (
            <LogLine key={`${entry.source} ${entry.id}`} entry={entry} withSource />
          ))}
        </ul>
      ) : (
        <p className="mt-1 text-sm text-soft">{t('logs.noneOfTask')}</p>
      )}
    </section>
  )
}
