import { useCallback, useEffect, useMemo, useState } from 'react'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery, sessionsQuery } from '../api/queries'
import { may, type Schemas } from '../api/types'
import { Page } from '../frame/Shell'
import { useFormat } from '../i18n/format'
import { Button, buttonLook } from '../ui/Button'
import { Empty } from '../ui/Empty'
import { ErrorNote } from '../ui/ErrorNote'
import { BulkBar, useBulkActions } from './BulkBar'
import { Filters } from './Filters'
import { several } from './filter'
import { ListTools } from './ListTools'
import { countsQuery, keyNamesQuery } from './queries'
import type { TasksSearch } from './search'
import { StatusTabs } from './StatusTabs'
import { TaskGrid } from './TaskGrid'
import { useColumns } from './useColumns'
import { useLiveList } from './useLiveList'
import { useSelection } from './useSelection'

const route = getRouteApi('/tasks')

/** All tasks that one may see, newest first. */
export function TasksPage() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { list, tasks, news, show, isPaused, pause } = useLiveList(search)
  const { data: counts } = useQuery(countsQuery(search))
  const selection = useSelection(tasks ?? [], JSON.stringify(search))
  const columns = useColumns(may(me, 'admin'), may(me, 'pool:read'))
  const names = useNames()
  const isSelectable = useBulkActions().length > 0
  const total = chosenOf(counts, search)
  const [isHovered, setHovered] = useState(false)
  const isReading = isHovered || selection.selection.all || selection.count > 0 || isPaused
  useShowAtOnce(news > 0 && !isReading, tasks?.length === 0, show)
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = list
  // A filter that few tasks pass is looked for page by page; nobody wants to wait for a million of them unasked.
  const foundSome = (list.data?.pages.at(-1)?.tasks.length ?? 0) > 0
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError && foundSome) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, foundSome, fetchNextPage])
  const clear = () => void navigate({ search: {} })
  return (
    <Page title={t('tasks.title')}>
      <div className="flex items-start justify-between gap-2">
        <div className="min-w-0">
          <StatusTabs search={search} />
        </div>
        <div className="flex">
          <ListTools isPaused={isPaused} onPause={pause} {...columns} onChoose={columns.choose} />
        </div>
      </div>
      <Filters
        search={search}
        onChange={(change) => void navigate({ search: (before) => ({ ...before, ...change }) })}
        onClear={clear}
      />
      <News count={news} onShow={show} />
      {list.isError && !list.data && <ErrorNote error={list.error} onRetry={list.refetch} />}
      {tasks && tasks.length > 0 && (
        <div className={list.isPlaceholderData ? 'opacity-60' : ''}>
          <TaskGrid
            tasks={tasks}
            shown={columns.shown}
            names={names}
            isSelectable={isSelectable}
            selection={selection}
            total={hasNextPage ? (total ?? -1) : tasks.length}
            onNearEnd={loadMore}
            onHover={setHovered}
          />
        </div>
      )}
      {tasks?.length === 0 && !hasNextPage && <Nothing search={search} onClear={clear} />}
      {isSelectable && <BulkBar search={search} selection={selection} total={total} />}
      {tasks && <Foot list={list} count={tasks.length} />}
    </Page>
  )
}

/** How many the filter chooses, from the counts by state. */
function chosenOf(counts: Schemas['TaskCounts'] | undefined, { status }: TasksSearch): number | undefined {
  if (!counts || counts.partial) return undefined
  if (!status) return counts.total
  return several(status).reduce((sum, name) => sum + counts[name as 'queued'], 0)
}

/** What is named of the sessions: how busy they are changes with each task, and no row shows it. */
const labels = (sessions: Schemas['Pooled'][]) => sessions.map(({ id, label }) => ({ id, label }))

/** What the ids of keys and sessions are called. */
function useNames(): ReadonlyMap<string, string> {
  const { data: me } = useSuspenseQuery(meQuery)
  const { data: keys } = useQuery({ ...keyNamesQuery, enabled: may(me, 'admin') })
  const { data: sessions } = useQuery({ ...sessionsQuery, select: labels, enabled: may(me, 'pool:read') })
  return useMemo(() => {
    const names = new Map(keys?.map(({ id, name }) => [id, name]))
    for (const { id, label } of sessions ?? []) if (label) names.set(id, label)
    return names
  }, [keys, sessions])
}

/** Nobody reads at the top of a list that the pointer is not in: what is new is shown there at once. */
function useShowAtOnce(isWanted: boolean, isEmpty: boolean, show: () => void) {
  useEffect(() => {
    if (!isWanted) return
    const tryIt = () => (isEmpty || window.scrollY < 40) && show()
    tryIt()
    window.addEventListener('scroll', tryIt, { passive: true })
    return () => window.removeEventListener('scroll', tryIt)
  }, [isWanted, isEmpty, show])
}

function News({ count, onShow }: { count: number; onShow: () => void }) {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <div role="status" className="pointer-events-none sticky top-11 z-2 -mb-8 flex h-8 justify-center">
      {count > 0 && (
        <Button
          look="primary"
          className="pointer-events-auto h-8 rounded-full shadow-md shadow-black/10"
          onPress={() => {
            onShow()
            window.scrollTo({ top: 0 })
          }}
        >
          {t('tasks.new', { count, formatted: format.number(count) })}
        </Button>
      )}
    </div>
  )
}

interface FootProps {
  list: ReturnType<typeof useLiveList>['list']
  count: number
}

/** The end of what is loaded: more to come, an error in the middle, or the real end. */
function Foot({ list, count }: FootProps) {
  const { t } = useTranslation()
  const format = useFormat()
  if (list.isFetchNextPageError && list.error) {
    return <ErrorNote error={list.error} onRetry={() => void list.fetchNextPage()} />
  }
  return (
    <div className="mt-4 flex min-h-11 items-center text-sm text-soft">
      {list.hasNextPage ? (
        <Button look="quiet" isBusy={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
          {list.isFetchingNextPage ? t('tasks.loadingMore') : t('tasks.more')}
        </Button>
      ) : (
        count > 0 && <p>{t('tasks.end', { count, formatted: format.number(count) })}</p>
      )}
    </div>
  )
}

function Nothing({ search, onClear }: { search: TasksSearch; onClear: () => void }) {
  const { t } = useTranslation()
  if (Object.values(search).some((value) => value !== undefined)) {
    return (
      <Empty title={t('tasks.emptyFilter')} action={<Button onPress={onClear}>{t('tasks.clear')}</Button>}>
        {t('tasks.emptyFilterHint')}
      </Empty>
    )
  }
  return (
    <Empty
      title={t('tasks.empty')}
      action={
        <Link to="/playground" className={buttonLook('plain')}>
          {t('tasks.toPlayground')}
        </Link>
      }
    >
      {t('tasks.emptyHint')}
    </Empty>
  )
}
