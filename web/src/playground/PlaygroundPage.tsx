import { useInfiniteQuery, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery, modelsQuery, taskListQuery } from '../api/queries'
import { may } from '../api/types'
import { Page } from '../frame/Shell'
import { TaskList } from '../tasks/TaskList'
import { TaskById } from '../tasks/TaskById'
import { ErrorNote } from '../ui/ErrorNote'
import { Composer } from './Composer'

const route = getRouteApi('/playground')

/** Try a prompt: what to make at the left, what came of it at the right, earlier ones below. */
export function PlaygroundPage() {
  const { t } = useTranslation()
  const { task } = route.useSearch()
  const { data: me } = useSuspenseQuery(meQuery)
  const models = useQuery(modelsQuery)
  return (
    <Page title={t('nav.playground')}>
      <div className="grid gap-x-10 gap-y-8 lg:grid-cols-[minmax(20rem,27rem)_minmax(0,1fr)]">
        <div className="min-h-120">
          {models.data && (
            <Composer
              models={models.data.filter((model) => model.kind === 'video')}
              mayCreate={may(me, 'video:create')}
            />
          )}
          {models.isError && !models.data && <ErrorNote error={models.error} onRetry={models.refetch} />}
        </div>
        <section aria-label={t('result.label')} className={task ? 'max-lg:order-first' : 'max-lg:hidden'}>
          {task ? <TaskById id={task} /> : <NothingYet />}
        </section>
      </div>
      <Recent />
    </Page>
  )
}

function NothingYet() {
  const { t } = useTranslation()
  return (
    <div className="flex min-h-56 flex-col items-center justify-center rounded-xl bg-well px-8 py-10 text-center lg:min-h-100">
      <p className="text-base font-medium">{t('result.empty')}</p>
      <p className="mt-1 max-w-sm text-sm text-soft">{t('result.emptyHint')}</p>
    </div>
  )
}

function Recent() {
  const { t } = useTranslation()
  const { task } = route.useSearch()
  const { data } = useInfiniteQuery(taskListQuery({ limit: 20 }))
  const tasks = data?.pages[0]?.tasks
  if (!tasks?.length) return null
  return (
    <section aria-labelledby="recent" className="mt-10">
      <div className="mb-1 flex items-baseline justify-between">
        <h2 id="recent" className="text-sm font-semibold">
          {t('result.recent')}
        </h2>
        <Link to="/tasks" className="text-xs text-accent hover:underline">
          {t('result.all')}
        </Link>
      </div>
      <TaskList tasks={tasks} current={task} />
    </section>
  )
}
