import { useSuspenseQuery } from '@tanstack/react-query'
import { Clapperboard, ListVideo, ScrollText, type LucideIcon } from 'lucide-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { may, type Scope } from '../api/types'
import { Mark } from './Mark'

const entries = [
  { to: '/', key: 'nav.playground', icon: Clapperboard },
  { to: '/tasks', key: 'nav.tasks', icon: ListVideo },
  { to: '/logs', key: 'nav.logs', icon: ScrollText, scope: 'log:read' },
] as const satisfies { to: string; key: string; icon: LucideIcon; scope?: Scope }[]

const entryLook =
  'target flex items-center gap-2.5 rounded-md text-soft transition-colors duration-100 hover:text-ink ' +
  'data-[status=active]:font-medium data-[status=active]:text-ink ' +
  'max-sm:flex-1 max-sm:flex-col max-sm:gap-0.5 max-sm:py-2 max-sm:text-2xs ' +
  'sm:px-2.5 sm:text-sm sm:hover:bg-hover sm:data-[status=active]:bg-hover'

/** Where one can go: a column at the left, on a phone a bar at the bottom. */
export function Rail() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const offered = entries.filter((entry) => !('scope' in entry) || may(me, entry.scope))
  return (
    <nav
      aria-label={t('nav.label')}
      className="bg-rail max-sm:fixed max-sm:inset-x-0 max-sm:bottom-0 max-sm:z-10 max-sm:border-t max-sm:border-line max-sm:pb-[env(safe-area-inset-bottom)] sm:px-3 sm:py-4"
    >
      <div className="flex sm:sticky sm:top-4 sm:flex-col sm:gap-0.5">
        <div className="mb-6 px-2.5 max-sm:hidden">
          <Mark />
        </div>
        {offered.map(({ to, key, icon: Icon }) => (
          <Link
            key={to}
            to={to}
            activeOptions={{ exact: to === '/', includeSearch: false }}
            className={entryLook}
          >
            <Icon aria-hidden size={17} strokeWidth={1.9} />
            {t(key)}
          </Link>
        ))}
      </div>
    </nav>
  )
}
