import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { Moment } from '../ui/Moment'
import { keyUsageQuery } from './queries'
import type { KeysSearch } from './search'
import { Sparkline } from './Sparkline'

const day = 86_400_000

/** A line for each key. */
export function KeyList({ list, search }: { list: Schemas['Key'][]; search: KeysSearch }) {
  const { t } = useTranslation()
  const usage = useTasksByDay()
  const head = (name: 'name' | 'used' | 'expires') => {
    const isUp = search.sort === name && search.order !== 'desc'
    const isDown = search.sort === name && search.order === 'desc'
    return (
      <th
        scope="col"
        aria-sort={isUp ? 'ascending' : isDown ? 'descending' : 'none'}
        className={`font-normal ${name === 'name' ? '' : 'max-sm:hidden'}`}
      >
        <Link
          to="/keys"
          search={{ ...search, sort: isDown ? undefined : name, order: isUp ? 'desc' : undefined }}
          className="target inline-flex items-center hover:text-ink"
        >
          {t(`keys.column.${name}`)} {isUp && '↑'}
          {isDown && '↓'}
        </Link>
      </th>
    )
  }
  return (
    <table className="mt-2 w-full table-fixed text-left text-sm">
      <thead className="border-b border-line text-xs text-soft">
        <tr>
          {head('name')}
          <th scope="col" className="font-normal max-sm:hidden">
            {t('keys.limitsColumn')}
          </th>
          <th scope="col" className="w-32 font-normal">
            {t('keys.usageColumn')}
          </th>
          {head('used')}
          {head('expires')}
        </tr>
      </thead>
      <tbody>
        {list.map((key) => (
          <Row key={key.id} value={key} days={usage(key.id)} />
        ))}
      </tbody>
    </table>
  )
}

/** The tasks of each day of the range, by key. */
function useTasksByDay(): (id: string) => number[] {
  const { data } = useQuery(keyUsageQuery)
  if (!data) return () => []
  const first = Date.parse(data.from)
  const length = Math.round((Date.parse(data.to) - first) / day) + 1
  const byKey = new Map<string, number[]>()
  for (const { key_id = '', day: at = '', tasks } of data.rows) {
    const days = byKey.get(key_id) ?? new Array<number>(length).fill(0)
    days[Math.round((Date.parse(at) - first) / day)] = tasks
    byKey.set(key_id, days)
  }
  return (id) => byKey.get(id) ?? new Array<number>(length).fill(0)
}

function Row({ value: key, days }: { value: Schemas['Key']; days: number[] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const isExpired = useNow() > Date.parse(key.expires_at ?? '9999-01-01')
  const tasks = days.reduce((sum, n) => sum + n, 0)
  return (
    <tr className="border-b border-line hover:bg-well">
      <td className="py-1.5 pr-4">
        <Link
          from="/keys"
          to="/keys"
          search={(search) => ({ ...search, key: key.id })}
          className="block truncate font-medium hover:text-accent"
        >
          <bdi>{key.name}</bdi>
        </Link>
        <span className="block truncate text-2xs text-soft">
          <code>{key.key_prefix}…</code>
          {!key.enabled && ` · ○ ${t('keys.disabled')}`}
          {isExpired && ` · ${t('keys.expired')}`}
        </span>
      </td>
      <td className="truncate pr-4 text-soft max-sm:hidden">{useLimits(key)}</td>
      <td className="pr-4">
        <Sparkline values={days} label={t('keys.tasks', { count: tasks, formatted: format.number(tasks) })} />
      </td>
      <td className="text-soft max-sm:hidden">
        {key.last_used_at ? <Moment at={key.last_used_at} /> : t('keys.never')}
      </td>
      <td className="text-soft max-sm:hidden">{key.expires_at ? <Moment at={key.expires_at} /> : '–'}</td>
    </tr>
  )
}

const inShort = ['rate_limit', 'daily_quota', 'concurrency', 'credits_per_day', 'credits_per_month'] as const

function useLimits(key: Schemas['Key']): string {
  const { t } = useTranslation()
  const format = useFormat()
  const limits = inShort.filter((name) => key[name] > 0)
  const words: string[] = limits.map((name) => t(`keys.limit.${name}`, { n: format.number(key[name]) }))
  if (key.scopes.includes('admin')) words.unshift(t('keys.limit.admin'))
  return words.join(' · ') || t('keys.noLimits')
}
