import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Schemas, Status } from '../api/types'
import { useFormat } from '../i18n/format'
import { countsQuery } from './queries'
import type { TasksSearch } from './search'

const running = ['submitting', 'polling', 'downloading'] satisfies Status[]

const tabs = [
  { id: 'all', status: undefined, count: 'total' },
  { id: 'queued', status: 'queued', count: 'queued' },
  { id: 'running', status: running.join(','), count: 'running' },
  { id: 'succeeded', status: 'succeeded', count: 'succeeded' },
  { id: 'failed', status: 'failed', count: 'failed' },
  { id: 'cancelled', status: 'cancelled', count: 'cancelled' },
] as const satisfies { id: string; status?: string; count: keyof Schemas['TaskCounts'] }[]

/** How many tasks there are of each state, with the other filters; one click shows them. */
export function StatusTabs({ search }: { search: TasksSearch }) {
  const { t } = useTranslation()
  const format = useFormat()
  const { data: counts } = useQuery(countsQuery(search))
  return (
    <nav aria-label={t('tasks.filter')} className="-mx-2 flex gap-0.5 overflow-x-auto p-0.5">
      {tabs.map(({ id, status, count }) => (
        <Link
          key={id}
          to="/tasks"
          search={(before) => ({ ...before, status })}
          activeOptions={{ exact: true, includeSearch: true }}
          className="group target flex items-center gap-1.5 rounded-md px-2.5 text-sm whitespace-nowrap text-soft hover:text-ink data-[status=active]:bg-accent-wash data-[status=active]:font-medium data-[status=active]:text-accent"
        >
          <span className="inline-block first-letter:uppercase">{word(id)}</span>
          {counts && (
            <span
              className={`text-xs font-normal ${id === 'failed' && counts.failed > 0 ? 'text-red' : 'text-soft'} group-data-[status=active]:text-accent`}
              title={counts.partial ? t('tasks.partial') : undefined}
            >
              {format.number(counts[count])}
              {counts.partial && '+'}
            </span>
          )}
        </Link>
      ))}
    </nav>
  )

  function word(id: (typeof tabs)[number]['id']): string {
    if (id === 'all') return t('tasks.all')
    return id === 'running' ? t('tasks.running') : t(`status.${id}`)
  }
}
