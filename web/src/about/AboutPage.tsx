import type { ReactNode } from 'react'
import { queryOptions, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, body } from '../api/http'
import { healthQuery, meQuery } from '../api/queries'
import { may, type Schemas } from '../api/types'
import { Page } from '../frame/Shell'
import { clock, useFormat } from '../i18n/format'
import { readable } from './readable'
import { useNow } from '../i18n/useNow'
import { ErrorNote } from '../ui/ErrorNote'
import { Moment } from '../ui/Moment'

const aboutQuery = queryOptions({
  queryKey: ['about'],
  queryFn: ({ signal }) => body(api.GET('/api/v1/about', { signal })),
})

/** What this gateway is and how it is configured. */
export function AboutPage() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const isAdmin = may(me, 'admin')
  const { data: about, error, refetch } = useQuery({ ...aboutQuery, enabled: isAdmin })
  const { data: health } = useQuery(healthQuery)
  return (
    <Page title={t('nav.about')}>
      <div className="flex max-w-4xl flex-col gap-9">
        <Headline version={about?.version ?? health?.gateway_version ?? ''} startedAt={about?.started_at} />
        {error && <ErrorNote error={error} onRetry={() => void refetch()} />}
        {about && (
          <>
            <Facts about={about} />
            <Nodes nodes={about.nodes} />
          </>
        )}
        <Section title={t('about.documents')}>
          <ul className="flex flex-wrap gap-x-6 text-sm">
            <Document href="/api/docs">{t('about.apiDocs')}</Document>
            <Document href="/api/openapi.json">{t('about.openapi')}</Document>
          </ul>
        </Section>
        {about && <Settings settings={about.settings} />}
        {!isAdmin && <p className="text-sm text-soft">{t('about.onlyAdmins')}</p>}
      </div>
    </Page>
  )
}

function Headline({ version, startedAt }: { version: string; startedAt?: string | null }) {
  const { t } = useTranslation()
  const now = useNow()
  return (
    <p className="mt-2 text-xl font-semibold tracking-tight">
      jimeng-gateway {version}
      {startedAt && (
        <span className="block pt-0.5 text-sm font-normal tracking-normal text-soft">
          {t('about.running', { span: clock(now - Date.parse(startedAt)) })}
        </span>
      )}
    </p>
  )
}

function Facts({ about: { build, started_at, database, data_dir } }: { about: Schemas['AboutAnswer'] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const parts = [
    build.commit && t('about.commit', { commit: build.commit.slice(0, 12) }),
    build.modified && t('about.modified'),
    `Caddy ${build.caddy}`,
    `Go ${build.go.replace(/^go/, '')}`,
    t('about.on', { platform: build.platform }),
  ]
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-1.5 text-sm">
      <Fact name={t('about.build')}>{parts.filter(Boolean).join(' · ')}</Fact>
      <Fact name={t('about.started')}>{started_at && format.exact(started_at)}</Fact>
      <Fact name={t('about.database')}>
        {database.kind}
        {database.size !== null && ` · ${format.bytes(database.size)}`}
      </Fact>
      <Fact name={t('about.dataDir')}>
        <span className="font-mono text-2xs">{data_dir}</span>
      </Fact>
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="break-words">{children}</dd>
    </>
  )
}

function Nodes({ nodes }: { nodes: Schemas['Node'][] }) {
  const { t } = useTranslation()
  return (
    <Section title={t('about.nodes')}>
      <ul className="flex flex-col gap-1.5 text-sm">
        {nodes.map(({ id, self, alive, seen_at }) => (
          <li key={id} className="flex flex-wrap items-baseline gap-x-3">
            <span className={alive ? 'text-green' : 'text-red'}>
              <span aria-hidden className="mr-1.5 inline-block size-2 rounded-full bg-current" />
              {t(alive ? 'about.alive' : 'about.silent')}
            </span>
            <span className="font-mono text-2xs break-all">{id}</span>
            <span className="text-soft">{self ? t('about.self') : <Moment at={seen_at} />}</span>
          </li>
        ))}
      </ul>
    </Section>
  )
}

function Settings({ settings }: { settings: Schemas['Setting'][] }) {
  const { t } = useTranslation()
  return (
    <Section title={t('about.settings')} hint={t('about.settingsHint')}>
      <table className="w-full table-fixed text-left text-sm">
        <thead className="sr-only">
          <tr>
            <th scope="col">{t('about.option')}</th>
            <th scope="col">{t('about.value')}</th>
          </tr>
        </thead>
        <tbody>
          {settings.map(({ name, value }) => (
            <tr key={name} className="border-t border-line align-baseline">
              <th
                scope="row"
                className="w-2/5 py-1.5 pr-4 font-mono text-2xs font-normal wrap-anywhere text-soft"
              >
                {name}
              </th>
              <td className="py-1.5 wrap-anywhere" dir="auto">
                {readable(value)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  )
}

function Section({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h2 className="font-medium">{title}</h2>
      {hint && <p className="text-xs text-soft">{hint}</p>}
      <div className="mt-2.5">{children}</div>
    </section>
  )
}

function Document({ href, children }: { href: string; children: ReactNode }) {
  return (
    <li>
      <a href={href} className="target inline-flex items-center text-accent underline underline-offset-2">
        {children}
      </a>
    </li>
  )
}
