import { useState } from 'react'
import { X } from 'lucide-react'
import { Input, SearchField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { Choose } from '../ui/Choose'
import type { AuditSearch } from './search'

/** With a dot at its end, an action stands for all that begin with it. */
const actions = {
  key: 'key.',
  session: 'session.',
  task: 'task.',
  signIn: 'sign_in',
  signInEnd: 'sign_in.',
  container: 'container.',
  secrets: 'secrets.',
} as const
type Action = keyof typeof actions
const actionNames = Object.keys(actions) as Action[]
const results = ['ok', 'missing_scope'] as const
const times = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000, month: 30 * 86_400_000 }

interface Props {
  search: AuditSearch
  onChange: (change: AuditSearch) => void
}

/** The filters with a field of their own, and what else is in the address as something to take away. */
export function AuditFilters({ search, onChange }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const [now] = useState(() => Date.now())
  const knownAction = actionNames.find((name) => search.action === actions[name])
  const others: [keyof AuditSearch, string][] = []
  if (search.actor) others.push(['actor', t('audit.onlyActor', { id: search.actor })])
  if (search.target) others.push(['target', t('audit.onlyTarget', { id: search.target })])
  if (search.action && !knownAction) others.push(['action', search.action])
  if (search.result && !results.some((result) => result === search.result))
    others.push(['result', search.result])
  if (search.since) others.push(['since', `≥ ${shown(search.since)}`])
  if (search.until) others.push(['until', `< ${shown(search.until)}`])
  function shown(moment: string) {
    return Number.isNaN(Date.parse(moment)) ? moment : format.dateTime(moment)
  }
  return (
    <>
      <Search key={search.q} text={search.q ?? ''} onSubmit={(q) => onChange({ q: q || undefined })} />
      <Choose
        label={t('audit.action')}
        isLabelHidden
        value={search.action ? (knownAction ?? null) : 'all'}
        options={[
          { id: 'all', text: t('audit.allActions') },
          ...actionNames.map((id) => ({ id, text: t(`audit.actions.${id}`) })),
        ]}
        onChange={(id) => onChange({ action: id === 'all' ? undefined : actions[id] })}
      />
      <Choose
        label={t('audit.result')}
        isLabelHidden
        value={search.result ? (results.find((result) => result === search.result) ?? null) : 'all'}
        options={[
          { id: 'all', text: t('audit.allResults') },
          ...results.map((id) => ({ id, text: t(`audit.results.${id}`) })),
        ]}
        onChange={(id) => onChange({ result: id === 'all' ? undefined : id })}
      />
      <Choose
        label={t('audit.time')}
        isLabelHidden
        value={search.since ? null : 'all'}
        options={(['all', 'hour', 'day', 'week', 'month'] as const).map((id) => ({
          id,
          text: t(`audit.times.${id}`),
        }))}
        onChange={(id) => {
          const since = id === 'all' ? undefined : new Date(now - times[id]).toISOString().slice(0, 19) + 'Z'
          onChange({ since, until: undefined })
        }}
      />
      {others.map(([name, what]) => (
        <Button
          key={name}
          aria-label={t('audit.remove', { what })}
          onPress={() => onChange({ [name]: undefined })}
          className="max-w-72 bg-accent-wash text-accent"
        >
          <span className="truncate">{what}</span>
          <X aria-hidden size={14} className="shrink-0" />
        </Button>
      ))}
    </>
  )
}

function Search({ text, onSubmit }: { text: string; onSubmit: (text: string) => void }) {
  const { t } = useTranslation()
  const [value, setValue] = useState(text)
  return (
    <SearchField
      aria-label={t('audit.search')}
      value={value}
      onChange={setValue}
      onSubmit={onSubmit}
      onClear={() => onSubmit('')}
      className="max-sm:w-full"
    >
      <Input
        type="search"
        maxLength={200}
        placeholder={t('audit.search')}
        className="target w-56 rounded-md border border-edge bg-ground px-2.5 text-sm max-sm:w-full [&::-webkit-search-cancel-button]:hidden"
      />
    </SearchField>
  )
}
