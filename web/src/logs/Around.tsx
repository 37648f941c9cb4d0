import { useCallback, useLayoutEffect, useRef } from 'react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Button } from '../ui/Button'
import { ErrorNote } from '../ui/ErrorNote'
import { LogLine } from './LogLine'
import { aroundQuery } from './queries'

const route = getRouteApi('/logs')

interface Props {
  source: string
  line: string
  find: RegExp | null
}

/** One line, marked, with all that stands around it. */
export function Around({ source, line, find }: Props) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const box = useRef<HTMLDivElement>(null)
  const fromEnd = useRef<number | null>(null)
  const list = useInfiniteQuery(aroundQuery(source, line))
  const entries = list.data?.pages.flatMap((page) => page.entries)
  const isThere = entries !== undefined
  useLayoutEffect(() => {
    if (isThere) box.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' })
  }, [isThere, line])
  const first = entries?.[0]?.id
  useLayoutEffect(() => {
    if (fromEnd.current === null || !box.current) return
    box.current.scrollTop = box.current.scrollHeight - fromEnd.current
    fromEnd.current = null
  }, [first])
  const readOlder = () => {
    if (box.current) fromEnd.current = box.current.scrollHeight - box.current.scrollTop
    void list.fetchPreviousPage()
  }
  const open = useCallback(
    (line: string) => void navigate({ search: (before) => ({ ...before, source, line }) }),
    [navigate, source],
  )
  if (list.error && !entries) return <ErrorNote error={list.error} onRetry={() => void list.refetch()} />
  const isGone = isThere && !entries.some(({ id }) => id === line)
  return (
    <>
      <div className="mb-2 flex items-center gap-3">
        <Button
          look="primary"
          onPress={() => void navigate({ search: (before) => ({ ...before, line: undefined }) })}
        >
          {t('logs.toLive')}
        </Button>
        <p className={`text-sm ${isGone ? 'text-amber' : 'text-soft'}`}>
          {t(isGone ? 'logs.lineGone' : 'logs.around')}
        </p>
      </div>
      <div
        ref={box}
        role="region"
        aria-label={t('logs.around')}
        // A region that scrolls has to be reached by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="h-[62dvh] min-h-60 overflow-auto [overflow-anchor:none] overscroll-contain rounded-md bg-well p-2 font-mono text-2xs"
      >
        {list.hasPreviousPage && (
          <Button look="quiet" isBusy={list.isFetchingPreviousPage} onPress={readOlder}>
            {t('logs.older')}
          </Button>
        )}
        <ul>
          {entries?.map((entry) => (
            <LogLine
              key={entry.id}
              entry={entry}
              find={find}
              isNamed={entry.id === line}
              leadsToTask
              onOpen={open}
            />
          ))}
        </ul>
        {list.hasNextPage && (
          <Button look="quiet" isBusy={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
            {t('logs.newer')}
          </Button>
        )}
      </div>
    </>
  )
}
