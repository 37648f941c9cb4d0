import type { ReactNode } from 'react'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { containersQuery, meQuery, poolQuery } from '../api/queries'
import { may, type Schemas } from '../api/types'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { ContainerFacts } from '../logs/ContainerFacts'
import { storageQuery } from './queries'

/** What the gateway stands on: upstreams, their containers, disk and database. */
export function System() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const { data: pool } = useQuery({ ...poolQuery, enabled: may(me, 'pool:read') })
  const { data: storage } = useQuery({ ...storageQuery, enabled: may(me, 'pool:read') })
  const { data: containers } = useQuery({ ...containersQuery, enabled: may(me, 'log:read') })
  if (!pool && !storage && !containers?.length) return null
  return (
    <section aria-labelledby="system">
      <h2 id="system" className="mb-1 flex min-h-9 items-center text-sm font-semibold">
        {t('overview.system')}
      </h2>
      <dl className="text-sm">
        {pool?.upstreams.map((upstream) => (
          <Line key={upstream.name} name={upstream.name}>
            <Upstream upstream={upstream} />
          </Line>
        ))}
        {containers?.map((container) => (
          <Line key={container.name} name={container.name}>
            <ContainerFacts container={container} />
          </Line>
        ))}
        {storage && <Storage storage={storage} />}
      </dl>
    </section>
  )
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-3 py-1">
      <dt className="truncate text-soft" title={name}>
        {name}
      </dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  )
}

function Upstream({ upstream }: { upstream: Schemas['Upstream'] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow(upstream.benched_until !== null)
  if (!upstream.configured) return <span className="text-amber">{t('overview.unconfigured')}</span>
  if (upstream.benched_until) {
    return (
      <span className="text-red">
        {t('overview.benched', { when: format.when(upstream.benched_until, now) })}
        {upstream.reason && <span className="block text-xs break-words text-soft">{upstream.reason}</span>}
      </span>
    )
  }
  const running = format.number(upstream.running)
  return (
    <>
      <span className="text-green">{t('overview.well')}</span>
      {' · '}
      {upstream.limit === null
        ? t('overview.upstreamLoad', { running })
        : t('overview.upstreamLimit', { running, limit: format.number(upstream.limit) })}
    </>
  )
}

function Storage({ storage }: { storage: Schemas['StorageAnswer'] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const used = format.bytes(storage.used)
  return (
    <>
      <Line name={t('overview.files')}>
        {storage.budget === null
          ? used
          : t('overview.filesOf', { used, budget: format.bytes(storage.budget) })}
        {storage.message && <span className="block text-xs text-amber">{storage.message}</span>}
      </Line>
      {storage.disk && (
        <Line name={t('overview.disk')}>
          {t('overview.diskFree', {
            free: format.bytes(storage.disk.free),
            total: format.bytes(storage.disk.total),
          })}
        </Line>
      )}
      <Line name={t('overview.database')}>{format.bytes(storage.database)}</Line>
    </>
  )
}
