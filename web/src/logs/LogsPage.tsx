import { useMemo, type ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { Download as DownloadIcon } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { containersQuery } from '../api/queries'
import { Page } from '../frame/Shell'
import { buttonLook } from '../ui/Button'
import { ErrorNote } from '../ui/ErrorNote'
import { Pick } from '../ui/Pick'
import { Around } from './Around'
import { ContainerFacts } from './ContainerFacts'
import { ContainerLoad, RestartButton } from './ContainerLoad'
import { HealthReport } from './HealthReport'
import { finder } from './hits'
import { LogFilters } from './LogFilters'
import { LogTail } from './LogTail'
import { logsQuery } from './search'

const route = getRouteApi('/logs')

/** The source that is the gateway itself. */
const gateway = 'gateway'

/** What is ill, and the live logs of the upstreams' containers and of the gateway. */
export function LogsPage() {
  const { t } = useTranslation()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { data: containers, error, refetch } = useQuery(containersQuery)
  const find = useMemo(() => finder(search.q, search.regex === 'true'), [search.q, search.regex])
  if (!containers) {
    return (
      <Page title={t('logs.title')}>
        {error && <ErrorNote error={error} onRetry={() => void refetch()} />}
      </Page>
    )
  }
  const sources = [...containers.map(({ name }) => name), gateway]
  const source = sources.find((name) => name === search.source) ?? sources[0] ?? gateway
  const container = containers.find(({ name }) => name === source)
  const filter = logsQuery(source, search)
  const isFiltered = [...filter.keys()].length > 1
  const change = (change: typeof search) =>
    void navigate({ search: (before) => ({ ...before, line: undefined, ...change }), replace: true })
  return (
    <Page title={t('logs.title')}>
      <HealthReport />
      <div className="mb-3 flex flex-wrap items-end gap-x-6 gap-y-2">
        <Pick
          label={t('logs.source')}
          value={source}
          options={sources.map((id) => ({ id, content: id === gateway ? t('logs.gateway') : id }))}
          onChange={(source) => change({ source })}
        />
        <LogFilters source={source} search={search} onChange={change} />
        <span className="ml-auto flex flex-wrap gap-1">
          {isFiltered && (
            <Download href={`/api/v1/logs/download?${new URLSearchParams({ source })}`}>
              {t('logs.downloadAll')}
            </Download>
          )}
          <Download href={`/api/v1/logs/download?${filter}`}>{t('logs.download')}</Download>
        </span>
      </div>
      {container && (
        <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
          <ContainerFacts container={container} />
          <ContainerLoad container={container} />
          <RestartButton name={container.name} />
        </div>
      )}
      {search.line ? (
        <Around source={source} line={search.line} find={find} />
      ) : (
        <LogTail key={filter.toString()} source={source} filter={filter} find={find} />
      )}
    </Page>
  )
}

function Download({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} download className={buttonLook('plain')}>
      <DownloadIcon aria-hidden size={15} />
      {children}
    </a>
  )
}
