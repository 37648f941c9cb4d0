import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'
import { Button, buttonLook } from '../ui/Button'
import { Empty } from '../ui/Empty'
import { ErrorNote } from '../ui/ErrorNote'
import { AuditFilters } from './AuditFilters'
import { AuditLine } from './AuditLine'
import { auditQuery } from './queries'
import { auditFilters, type AuditSearch } from './search'

const route = getRouteApi('/audit')

/** Who changed what, newest first. */
export function AuditPage() {
  const { t } = useTranslation()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const list = useInfiniteQuery(auditQuery(search))
  const lines = list.data?.pages.flatMap((page) => page.lines)
  const isFiltered = auditFilters.some((name) => search[name] !== undefined)
  const change = (change: AuditSearch) => void navigate({ search: (before) => ({ ...before, ...change }) })
  const clear = () => void navigate({ search: {} })
  return (
    <Page title={t('nav.audit')}>
      <div className="mb-3 flex flex-wrap items-end gap-x-3 gap-y-2">
        <AuditFilters search={search} onChange={change} />
        <span className="ml-auto flex items-center gap-1">
          {(['csv', 'jsonl'] as const).map((format) => (
            <a
              key={format}
              href={`/api/v1/audit?${new URLSearchParams({ ...search, format })}`}
              download
              aria-label={`${t('audit.export')} ${format.toUpperCase()}`}
              className={buttonLook('quiet')}
            >
              {format === 'csv' && <Download aria-hidden size={15} />}
              {format.toUpperCase()}
            </a>
          ))}
        </span>
      </div>
      {list.error && !lines && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {lines && lines.length > 0 && (
        <ul className={list.isPlaceholderData ? 'opacity-60' : ''}>
          {lines.map((line) => (
            <AuditLine key={line.id} line={line} onOnly={change} />
          ))}
        </ul>
      )}
      {lines?.length === 0 && !list.hasNextPage && (
        <Empty
          title={t(isFiltered ? 'audit.emptyFilter' : 'audit.empty')}
          action={isFiltered && <Button onPress={clear}>{t('audit.clear')}</Button>}
        >
          {!isFiltered && t('audit.emptyHint')}
        </Empty>
      )}
      <div className="mt-4 text-sm text-soft">
        {list.hasNextPage ? (
          <Button isBusy={list.isFetchingNextPage} onPress={() => void list.fetchNextPage()}>
            {t('audit.more')}
          </Button>
        ) : (
          !!lines?.length && t('audit.end')
        )}
      </div>
    </Page>
  )
}
