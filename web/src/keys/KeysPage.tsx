import { useState } from 'react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { Input, SearchField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { Page } from '../frame/Shell'
import { useFormat } from '../i18n/format'
import { bareFieldLook } from '../sessions/fieldLook'
import { Button, buttonLook } from '../ui/Button'
import { Choose } from '../ui/Choose'
import { Dialog } from '../ui/Dialog'
import { Empty } from '../ui/Empty'
import { ErrorNote } from '../ui/ErrorNote'
import { KeyForm } from './KeyForm'
import { KeyList } from './KeyList'
import { KeyPanel } from './KeyPanel'
import { actions, keysQuery, useChange } from './queries'
import { Secret } from './Secret'
import type { KeysSearch } from './search'

const route = getRouteApi('/keys')

/** The keys, what they may do and what they have used. */
export function KeysPage() {
  const { t } = useTranslation()
  const format = useFormat()
  const client = useQueryClient()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const keys = useQuery(keysQuery)
  const [isMaking, setMaking] = useState(false)
  const list = keys.data ?? []
  const open = list.find(({ id }) => id === search.key)
  const chosen = shown(list, search)
  const close = () => {
    void navigate({ search: (search) => ({ ...search, key: undefined }) })
    void client.invalidateQueries({ queryKey: keysQuery.queryKey })
  }
  const add = (
    <Button look="primary" onPress={() => setMaking(true)}>
      <Plus aria-hidden size={15} />
      {t('keys.add')}
    </Button>
  )
  return (
    <Page title={t('nav.keys')}>
      {keys.isError && !keys.data && <ErrorNote error={keys.error} onRetry={keys.refetch} />}
      {keys.data?.length === 0 && (
        <Empty title={t('keys.empty')} action={add}>
          {t('keys.emptyText')}
        </Empty>
      )}
      {list.length > 0 && (
        <>
          <p className="mb-3 text-lg font-medium">
            {t('keys.answer', {
              count: list.length,
              formatted: format.number(list.length),
              enabled: format.number(list.filter(({ enabled }) => enabled).length),
            })}
          </p>
          <div className="flex flex-wrap items-center gap-2">
            <SearchField
              aria-label={t('keys.search')}
              value={search.text ?? ''}
              onChange={(text) =>
                void navigate({ search: (search) => ({ ...search, text: text || undefined }), replace: true })
              }
              className="w-64 max-sm:w-full"
            >
              <Input placeholder={t('keys.search')} className={bareFieldLook} />
            </SearchField>
            <Choose
              label={t('keys.show')}
              isLabelHidden
              value={search.show ?? 'all'}
              options={(['all', 'enabled', 'disabled'] as const).map((id) => ({ id, text: t(`keys.${id}`) }))}
              onChange={(show) =>
                void navigate({
                  search: (search) => ({ ...search, show: show === 'all' ? undefined : show }),
                })
              }
            />
            <span className="flex-1" />
            {add}
          </div>
          {chosen.length > 0 ? (
            <KeyList list={chosen} search={search} />
          ) : (
            <Empty
              title={t('keys.noneMatch')}
              action={
                <Link to="/keys" className={buttonLook('plain')}>
                  {t('keys.showAll')}
                </Link>
              }
            />
          )}
        </>
      )}
      {isMaking && <Making onClose={() => setMaking(false)} />}
      {open && <KeyPanel key={open.id} value={open} onClose={close} />}
      {search.key && !open && keys.data && (
        <Dialog title={t('nav.keys')} isOpen onClose={close}>
          <p className="mt-2 text-sm">{t('keys.gone')}</p>
        </Dialog>
      )}
    </Page>
  )
}

function Making({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const make = useChange(actions.create)
  if (make.data?.key) return <Secret name={make.data.name} secret={make.data.key} onClose={onClose} />
  return (
    <Dialog title={t('keys.add')} isOpen onClose={onClose} isWide>
      <KeyForm
        action={t('keys.make')}
        isBusy={make.isPending}
        error={make.error}
        onSubmit={({ name, ...limits }) => make.mutate({ name: name ?? '', ...limits })}
      />
    </Dialog>
  )
}

/** The keys that the address asks for, in its order. */
function shown(list: Schemas['Key'][], { show, text, sort, order }: KeysSearch): Schemas['Key'][] {
  const words = text?.toLowerCase()
  const chosen = list.filter(
    (key) =>
      (!show || key.enabled === (show === 'enabled')) &&
      (!words || [key.name, key.key_prefix, key.id].some((text) => text.toLowerCase().includes(words))),
  )
  const sign = order === 'desc' ? -1 : 1
  const value = {
    name: (key: Schemas['Key']) => key.name.toLowerCase(),
    used: (key: Schemas['Key']) => key.last_used_at ?? '',
    created: (key: Schemas['Key']) => key.created_at ?? '',
    expires: (key: Schemas['Key']) => key.expires_at ?? '9999',
  }[sort ?? 'created']
  return chosen.sort((a, b) => sign * value(a).localeCompare(value(b)))
}
