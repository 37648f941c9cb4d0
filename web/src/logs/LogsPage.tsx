import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { Input, SearchField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { containersQuery } from '../api/queries'
import { logLevels } from '../api/types'
import { Page } from '../frame/Shell'
import { buttonLook } from '../ui/Button'
import { ErrorNote } from '../ui/ErrorNote'
import { Pick } from '../ui/Pick'
import { ContainerFacts } from './ContainerFacts'
import { HealthReport } from './HealthReport'
import { LogTail } from './LogTail'

const route = getRouteApi('/logs')

/** The source that is the gateway itself. */
const gateway = 'gateway'

/** What is ill, and the live logs of the upstreams' containers and of the gateway. */
export function LogsPage() {
  const { t } = useTranslation()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { data: containers, error, refetch } = useQuery(containersQuery)
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
  const query = new URLSearchParams({ source })
  if (search.level) query.set('level', search.level)
  if (search.q) query.set('q', search.q)
  const change = (change: typeof search) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
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
        <Pick
          label={t('logs.level')}
          value={search.level ?? 'all'}
          options={['all' as const, ...logLevels].map((id) => ({ id, content: t(`logs.levels.${id}`) }))}
          onChange={(id) => change({ level: logLevels.find((level) => level === id) })}
        />
        <Search key={search.q ?? ''} text={search.q ?? ''} onSubmit={(q) => change({ q: q || undefined })} />
        <a href={`/api/v1/logs/download?${query}`} download className={`${buttonLook('plain')} ml-auto`}>
          <Download aria-hidden size={15} />
          {t('logs.download')}
        </a>
      </div>
      {container && (
        <div className="mb-3">
          <ContainerFacts container={container} />
        </div>
      )}
      <LogTail key={query.toString()} query={`${query}&lines=500`} />
    </Page>
  )
}

function Search({ text, onSubmit }: { text: string; onSubmit: (text: string) => void }) {
  const { t } = useTranslation()
  const [value, setValue] = useState(text)
  return (
    <SearchField
      aria-label={t('logs.search')}
      value={value}
      onChange={setValue}
      onSubmit={onSubmit}
      onClear={() => onSubmit('')}
    >
      <Input
        placeholder={t('logs.search')}
        className="target w-56 rounded-md border border-edge bg-ground px-2.5 text-sm max-sm:w-full"
      />
    </SearchField>
  )
}
