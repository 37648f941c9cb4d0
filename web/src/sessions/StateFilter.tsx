import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { states, type Session } from './state'
import { StateDot } from './StateWord'

/** How many sessions are in each state, and only those on a click. */
export function StateFilter({ sessions }: { sessions: Session[] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const count = (state: string) => sessions.filter((session) => session.state === state).length
  return (
    <nav aria-label={t('sessions.filter')} className="-mx-2 flex gap-0.5 overflow-x-auto p-0.5">
      {[undefined, ...states].map((state) => (
        <Link
          key={state ?? 'all'}
          from="/sessions"
          to="/sessions"
          search={(search) => ({ ...search, state })}
          activeOptions={{ exact: true, includeSearch: true }}
          className="target flex items-center gap-1.5 rounded-md px-2.5 text-sm whitespace-nowrap text-soft hover:text-ink data-[status=active]:bg-accent-wash data-[status=active]:font-medium data-[status=active]:text-accent"
        >
          {state && <StateDot state={state} />}
          {state ? t(`sessions.state.${state}`) : t('sessions.all')}
          <span>{format.number(state ? count(state) : sessions.length)}</span>
        </Link>
      ))}
    </nav>
  )
}
