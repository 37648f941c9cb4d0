import { useRef, useState } from 'react'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { Input, SearchField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { meQuery, modelsQuery, sessionsQuery } from '../api/queries'
import { may, statuses } from '../api/types'
import { Button } from '../ui/Button'
import { several } from './filter'
import { FilterMenu } from './FilterMenu'
import { keyNamesQuery } from './queries'
import { errorKinds, type TasksSearch } from './search'
import { TimeFilter } from './TimeFilter'

interface Props {
  search: TasksSearch
  onChange: (change: TasksSearch) => void
  onClear: () => void
}

/** What the list is narrowed down to; all of it is in the address. */
export function Filters({ search, onChange, onClear }: Props) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const mayReadPool = may(me, 'pool:read')
  const isAdmin = may(me, 'admin')
  const { data: models = [] } = useQuery(modelsQuery)
  const { data: keys = [] } = useQuery({ ...keyNamesQuery, enabled: isAdmin })
  const { data: sessions = [] } = useQuery({ ...sessionsQuery, enabled: mayReadPool })
  const upstreams = [...new Set(sessions.map(({ upstream }) => upstream))]
  const isFiltered = Object.values(search).some((value) => value !== undefined)
  const set = (name: keyof TasksSearch) => (chosen: string[]) =>
    onChange({ [name]: chosen.length > 0 ? chosen.join(',') : undefined })
  return (
    <div role="search" className="my-2 flex flex-wrap items-center gap-1.5">
      <Text text={search.q ?? ''} onChange={(q) => onChange({ q: q || undefined })} />
      <FilterMenu
        label={t('tasks.columns.status')}
        options={statuses.map((id) => ({ id, text: t(`status.${id}`) }))}
        chosen={several(search.status)}
        onChange={set('status')}
      />
      <FilterMenu
        label={t('tasks.columns.model')}
        options={models.map(({ id }) => ({ id, text: id }))}
        chosen={several(search.model)}
        onChange={set('model')}
      />
      {(isAdmin || search.key) && (
        <FilterMenu
          label={t('tasks.columns.key')}
          options={keys.map(({ id, name }) => ({ id, text: name }))}
          chosen={search.key ? [search.key] : []}
          isSingle
          onChange={set('key')}
        />
      )}
      {(mayReadPool || search.session) && (
        <FilterMenu
          label={t('tasks.columns.session')}
          options={sessions.map(({ id, label }) => ({ id, text: label || id }))}
          chosen={several(search.session)}
          onChange={set('session')}
        />
      )}
      {(upstreams.length > 1 || search.upstream) && (
        <FilterMenu
          label={t('tasks.columns.upstream')}
          options={upstreams.map((id) => ({ id, text: id }))}
          chosen={several(search.upstream)}
          onChange={set('upstream')}
        />
      )}
      <FilterMenu
        label={t('tasks.error')}
        options={errorKinds.map((id) => ({ id, text: t(`errorKind.${id}`) }))}
        chosen={several(search.error_kind)}
        onChange={set('error_kind')}
      />
      <TimeFilter range={search} onChange={onChange} />
      {isFiltered && (
        <Button look="quiet" onPress={onClear}>
          {t('tasks.clear')}
        </Button>
      )}
    </div>
  )
}

/** How long one may pause while writing, in milliseconds. */
const pause = 400

function Text({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const { t } = useTranslation()
  const [value, setValue] = useState(text)
  const [known, setKnown] = useState(text)
  const [sent, setSent] = useState(text)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  if (text !== known) {
    setKnown(text)
    if (text !== sent) setValue(text) // somebody went back; what one has written since stays
  }
  const send = (value: string) => {
    clearTimeout(timer.current)
    setSent(value)
    onChange(value)
  }
  return (
    <SearchField
      aria-label={t('tasks.text')}
      value={value}
      maxLength={200}
      onChange={(value) => {
        setValue(value)
        clearTimeout(timer.current)
        timer.current = setTimeout(() => send(value), pause)
      }}
      onSubmit={send}
      onClear={() => send('')}
    >
      <Input
        dir="auto"
        placeholder={t('tasks.text')}
        className="target w-56 rounded-md border border-edge bg-ground px-2.5 text-sm"
      />
    </SearchField>
  )
}
