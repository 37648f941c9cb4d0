import { useState } from 'react'
import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import {
  ChartColumn,
  CircleGauge,
  Clapperboard,
  Ellipsis,
  Info,
  KeyRound,
  ListVideo,
  ScrollText,
  ShieldCheck,
  Users,
  type LucideIcon,
} from 'lucide-react'
import { Link } from '@tanstack/react-router'
import { Dialog, DialogTrigger, Popover, Button } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { healthQuery, meQuery, statsQuery } from '../api/queries'
import { may, type Scope } from '../api/types'
import { useFormat } from '../i18n/format'
import { popoverLook } from '../ui/Menu'
import { Mark } from './Mark'

const pages = [
  { to: '/', key: 'nav.overview', icon: CircleGauge },
  { to: '/tasks', key: 'nav.tasks', icon: ListVideo, scope: 'task:read' },
  { to: '/playground', key: 'nav.playground', icon: Clapperboard },
  { to: '/sessions', key: 'nav.sessions', icon: Users, scope: 'pool:read' },
  { to: '/keys', key: 'nav.keys', icon: KeyRound, scope: 'admin' },
  { to: '/usage', key: 'nav.usage', icon: ChartColumn, scope: 'task:read' },
  { to: '/logs', key: 'nav.logs', icon: ScrollText, scope: 'log:read' },
  { to: '/audit', key: 'nav.audit', icon: ShieldCheck, scope: 'admin' },
  { to: '/about', key: 'nav.about', icon: Info },
] as const satisfies { to: string; key: string; icon: LucideIcon; scope?: Scope }[]

type Entry = (typeof pages)[number]

/** The pages that the caller may use, in the order of the rail. */
export function usePages(): Entry[] {
  const { data: me } = useSuspenseQuery(meQuery)
  return pages.filter((page) => !('scope' in page) || may(me, page.scope))
}

/** How many of them a phone's bar shows; the others are behind a button. */
const inBar = 4

const entryLook =
  'target flex items-center gap-2.5 rounded-md text-soft transition-colors duration-100 hover:text-ink ' +
  'data-[status=active]:font-medium data-[status=active]:text-ink cursor-pointer '
const barLook = 'max-sm:flex-1 max-sm:flex-col max-sm:gap-0.5 max-sm:py-2 max-sm:text-2xs '
const columnLook = 'sm:px-2.5 sm:text-sm sm:hover:bg-hover sm:data-[status=active]:bg-hover'

/** Where one can go: a column at the left, on a phone a bar at the bottom. */
export function Rail() {
  const { t } = useTranslation()
  const offered = usePages()
  return (
    <nav
      aria-label={t('nav.label')}
      className="bg-rail max-sm:fixed max-sm:inset-x-0 max-sm:bottom-0 max-sm:z-10 max-sm:border-t max-sm:border-line max-sm:pb-[env(safe-area-inset-bottom)] sm:px-3 sm:py-4"
    >
      <div className="flex sm:sticky sm:top-4 sm:flex-col sm:gap-0.5">
        <div className="mb-6 px-2.5 max-sm:hidden">
          <Mark />
        </div>
        {offered.map((page, index) => (
          <PageLink
            key={page.to}
            page={page}
            className={`${barLook} ${columnLook} ${index < inBar ? '' : 'max-sm:hidden'}`}
          />
        ))}
        <More pages={offered.slice(inBar)} />
      </div>
    </nav>
  )
}

interface PageLinkProps {
  page: Entry
  className: string
  onClick?: () => void
}

function PageLink({ page: { to, key, icon: Icon }, className, onClick }: PageLinkProps) {
  const { t } = useTranslation()
  return (
    <Link
      to={to}
      activeOptions={{ exact: to === '/', includeSearch: false }}
      className={entryLook + className}
      onClick={onClick}
    >
      <Icon aria-hidden size={17} strokeWidth={1.9} />
      {t(key)}
      {to === '/tasks' && <Running />}
      {to === '/logs' && <Attention />}
    </Link>
  )
}

/** How many tasks run now. */
function Running() {
  const { t } = useTranslation()
  const format = useFormat()
  const { data: counts } = useQuery(statsQuery)
  if (!counts?.running) return null
  return (
    <span className="ml-auto text-2xs text-soft max-sm:hidden" title={t('nav.running')}>
      {format.number(counts.running)}
      <span className="sr-only"> {t('nav.running')}</span>
    </span>
  )
}

/** A mark where a part of the gateway is not well. */
function Attention() {
  const { t } = useTranslation()
  const { data: health } = useQuery(healthQuery)
  const ill = health?.components?.some(({ state }) => state === 'degraded' || state === 'down') ?? false
  if (!ill) return null
  return (
    <span className="ml-auto size-2 rounded-full bg-amber max-sm:hidden" title={t('nav.attention')}>
      <span className="sr-only">{t('nav.attention')}</span>
    </span>
  )
}

/** The rest of the pages, on a phone. */
function More({ pages }: { pages: Entry[] }) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  if (pages.length === 0) return null
  return (
    <DialogTrigger isOpen={open} onOpenChange={setOpen}>
      <Button className={`${entryLook} ${barLook} sm:hidden`}>
        <Ellipsis aria-hidden size={17} strokeWidth={1.9} />
        {t('nav.more')}
      </Button>
      <Popover placement="top end" className={popoverLook}>
        <Dialog aria-label={t('nav.more')} className="flex min-w-44 flex-col outline-none">
          {pages.map((page) => (
            <PageLink key={page.to} page={page} className="px-3 text-sm" onClick={() => setOpen(false)} />
          ))}
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}
