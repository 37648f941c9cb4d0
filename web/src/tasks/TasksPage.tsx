import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { taskListQuery } from '../api/queries'
import { statuses, type Status } from '../api/types'
import { Page } from '../frame/Shell'
import { useFormat } from '../i18n/format'
import { Button, buttonLook } from '../ui/Button'
import { ErrorNote } from '../ui/ErrorNote'
import { TaskList } from './TaskList'

const route = getRouteApi('/tasks')

/** All tasks that one may see, newest first. */
export function TasksPage() {
  const { t } = useTranslation()
  const { status } = route.useSearch()
  const list = useInfiniteQuery(taskListQuery({ status: status && [status] }))
  const tasks = list.data?.pages.flatMap((page) => page.tasks)
  return (
    <Page title={t('tasks.title')}>
      <StatusFilter />
      {tasks && tasks.length > 0 && <TaskList tasks={tasks} linkTo="task" />}
      {tasks?.length === 0 && <Empty status={status} />}
      {list.isError && !list.data && <ErrorNote error={list.error} onRetry={list.refetch} />}
      <div className="mt-4 text-sm text-soft">
        {list.hasNextPage ? (
          <Button isBusy={list.isFetchingNextPage} onPress={() => list.fetchNextPage()}>
            {list.isFetchingNextPage ? t('tasks.loadingMore') : t('tasks.more')}
          </Button>
        ) : (
          !!tasks?.length && <End count={tasks.length} />
        )}
      </div>
    </Page>
  )
}

function StatusFilter() {
  const { t } = useTranslation()
  return (
    <nav aria-label={t('tasks.filter')} className="-mx-2 mb-2 flex gap-0.5 overflow-x-auto p-0.5">
      {[undefined, ...statuses].map((status) => (
        <Link
          key={status ?? 'all'}
          to="/tasks"
          search={{ status }}
          activeOptions={{ exact: true, includeSearch: true }}
          className="target flex items-center rounded-md px-2.5 text-sm whitespace-nowrap text-soft hover:text-ink data-[status=active]:bg-accent-wash data-[status=active]:font-medium data-[status=active]:text-accent"
        >
          <span className="inline-block first-letter:uppercase">
            {status ? t(`status.${status}`) : t('tasks.all')}
          </span>
        </Link>
      ))}
    </nav>
  )
}

function End({ count }: { count: number }) {
  const { t } = useTranslation()
  const format = useFormat()
  return <p>{t('tasks.end', { count, formatted: format.number(count) })}</p>
}

function Empty({ status }: { status?: Status }) {
  const { t } = useTranslation()
  return (
    <div className="py-14 text-center">
      <p className="text-base font-medium">
        {status ? t('tasks.emptyFilter', { status: t(`status.${status}`) }) : t('tasks.empty')}
      </p>
      {!status && <p className="mt-1 text-sm text-soft">{t('tasks.emptyHint')}</p>}
      <Link to={status ? '/tasks' : '/playground'} className={`${buttonLook('plain')} mt-4`}>
        {status ? t('tasks.showAll') : t('tasks.toPlayground')}
      </Link>
    </div>
  )
}
