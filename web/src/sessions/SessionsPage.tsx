import { useState } from 'react'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { Input, SearchField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { meQuery, poolQuery, sessionsQuery } from '../api/queries'
import { may } from '../api/types'
import { Page } from '../frame/Shell'
import { useFormat } from '../i18n/format'
import { Button, buttonLook } from '../ui/Button'
import { Choose } from '../ui/Choose'
import { Dialog } from '../ui/Dialog'
import { Empty } from '../ui/Empty'
import { ErrorNote, useErrorText } from '../ui/ErrorNote'
import { say } from '../ui/Toasts'
import { AddSessions } from './AddSessions'
import { bareFieldLook } from './fieldLook'
import { PoolAnswer } from './PoolAnswer'
import { actions, useChange } from './queries'
import { SessionList } from './SessionList'
import { SessionPanel } from './SessionPanel'
import { shown, type Session } from './state'
import { StateFilter } from './StateFilter'
import { TestResults } from './TestResults'

const route = getRouteApi('/sessions')
const nothing: ReadonlySet<string> = new Set()
/** As many as one request probes by their ids. */
const mostTested = 1000

/** The pool: whether tasks can start, and what keeps each session from it. */
export function SessionsPage() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const sessions = useQuery(sessionsQuery)
  const pool = useQuery(poolQuery)
  const [selected, setSelected] = useState(nothing)
  const [isAdding, setAdding] = useState(false)
  const probe = useChange(actions.probe)
  const problem = useErrorText(probe.error)
  const close = () => void navigate({ search: (search) => ({ ...search, session: undefined }) })
  const test = (ids: string[]) => probe.mutate(ids.slice(0, mostTested))
  const list = sessions.data ?? []
  const open = search.session ? list.find(({ id }) => id === search.session) : undefined
  const chosen = shown(list, search)
  const upstreams = [...new Set(list.map(({ upstream }) => upstream))].sort()

  return (
    <Page title={t('nav.sessions')}>
      {sessions.isError && !sessions.data && <ErrorNote error={sessions.error} onRetry={sessions.refetch} />}
      {sessions.data?.length === 0 && (
        <Empty
          title={t('sessions.empty')}
          action={
            may(me, 'admin') && (
              <Button look="primary" onPress={() => setAdding(true)}>
                {t('sessions.add')}
              </Button>
            )
          }
        >
          {may(me, 'admin') ? t('sessions.emptyText') : t('sessions.emptyRead')}
        </Empty>
      )}
      {list.length > 0 && (
        <>
          {pool.data && <PoolAnswer pool={pool.data} sessions={list} />}
          <StateFilter sessions={list} />
          <div className="mt-2 flex flex-wrap items-center gap-2">
            <TextFilter />
            {upstreams.length > 1 && (
              <Choose
                label={t('sessions.upstream')}
                isLabelHidden
                value={search.upstream ?? ''}
                options={[
                  { id: '', text: t('sessions.allUpstreams') },
                  ...upstreams.map((id) => ({ id, text: id })),
                ]}
                onChange={(id) =>
                  void navigate({ search: (search) => ({ ...search, upstream: id || undefined }) })
                }
              />
            )}
            <span className="flex-1" />
            {selected.size > 0 ? (
              <Selection
                sessions={list.filter(({ id }) => selected.has(id))}
                onTest={test}
                isTesting={probe.isPending}
                onDone={() => setSelected(nothing)}
              />
            ) : (
              <>
                {may(me, 'session:test') && (
                  <Button isBusy={probe.isPending} onPress={() => probe.mutate([])}>
                    {probe.isPending ? t('sessions.testing') : t('sessions.testAll')}
                  </Button>
                )}
                {may(me, 'admin') && (
                  <Button look="primary" onPress={() => setAdding(true)}>
                    <Plus aria-hidden size={15} />
                    {t('sessions.add')}
                  </Button>
                )}
              </>
            )}
          </div>
          {probe.isError && (
            <p role="alert" className="mt-2 text-sm text-red">
              {t('sessions.failed', { message: problem })}
            </p>
          )}
          {chosen.length > 0 ? (
            <SessionList
              sessions={chosen}
              search={search}
              selected={selected}
              onSelect={may(me, 'session:test') || may(me, 'admin') ? setSelected : undefined}
            />
          ) : (
            <Empty
              title={t('sessions.noneMatch')}
              action={
                <Link to="/sessions" className={buttonLook('plain')}>
                  {t('sessions.showAll')}
                </Link>
              }
            />
          )}
        </>
      )}
      <AddSessions
        isOpen={isAdding}
        onClose={() => setAdding(false)}
        sessions={list}
        upstreams={pool.data?.upstreams.filter(({ configured }) => configured).map(({ name }) => name) ?? []}
        onTest={test}
      />
      {open && <SessionPanel session={open} onClose={close} onTest={test} isTesting={probe.isPending} />}
      {search.session && !open && sessions.data && (
        <Dialog title={t('nav.sessions')} isOpen onClose={close}>
          <p className="mt-2 text-sm">{t('sessions.panel.gone')}</p>
        </Dialog>
      )}
      {probe.data && <TestResults answer={probe.data} onClose={probe.reset} />}
    </Page>
  )
}

function TextFilter() {
  const { t } = useTranslation()
  const { text } = route.useSearch()
  const navigate = route.useNavigate()
  return (
    <SearchField
      aria-label={t('sessions.search')}
      value={text ?? ''}
      onChange={(text) =>
        void navigate({ search: (search) => ({ ...search, text: text || undefined }), replace: true })
      }
      className="w-64 max-sm:w-full"
    >
      <Input placeholder={t('sessions.search')} className={bareFieldLook} />
    </SearchField>
  )
}

interface SelectionProps {
  sessions: Session[]
  onTest: (ids: string[]) => void
  isTesting: boolean
  onDone: () => void
}

/** What can be done with several at once. */
function Selection({ sessions, onTest, isTesting, onDone }: SelectionProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { data: me } = useSuspenseQuery(meQuery)
  const change = useChange(async (enabled: boolean) => {
    for (const { id } of sessions) await actions.change(id, { enabled })
    return enabled
  })
  const problem = useErrorText(change.error)
  const words = { count: sessions.length, formatted: format.number(sessions.length) }
  const turn = (enabled: boolean) =>
    change.mutate(enabled, {
      onSuccess: () => {
        say(t(enabled ? 'sessions.done.enabled' : 'sessions.done.disabled', words))
        onDone()
      },
    })
  return (
    <>
      <span role="status" className="text-sm">
        {change.isError ? t('sessions.failed', { message: problem }) : t('sessions.selected', words)}
      </span>
      {may(me, 'session:test') && (
        <Button isBusy={isTesting} onPress={() => onTest(sessions.map(({ id }) => id))}>
          {isTesting ? t('sessions.testing') : t('sessions.test')}
        </Button>
      )}
      {may(me, 'admin') && (
        <>
          <Button isBusy={change.isPending} onPress={() => turn(true)}>
            {t('sessions.enable')}
          </Button>
          <Button isBusy={change.isPending} onPress={() => turn(false)}>
            {t('sessions.disable')}
          </Button>
        </>
      )}
    </>
  )
}
