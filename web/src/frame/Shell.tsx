import { useEffect, type ReactNode } from 'react'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { PaletteProvider } from '../palette/PaletteProvider'
import { SearchButton } from '../palette/SearchButton'
import { Toasts } from '../ui/Toasts'
import { Banners } from './Banners'
import { Rail } from './Rail'
import { AccountMenu, Settings } from './Settings'

/** The frame around every page. */
export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  return (
    <div className="min-h-dvh sm:grid sm:grid-cols-[12.5rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="fixed top-2 left-2 z-20 -translate-y-20 rounded-md bg-accent-fill px-3 py-2 text-sm text-white focus:translate-y-0"
      >
        {t('app.skip')}
      </a>
      <Rail />
      <div className="flex min-w-0 flex-col max-sm:pb-20">
        <Banners me={me} />
        <PaletteProvider>{children}</PaletteProvider>
      </div>
      <Toasts />
    </div>
  )
}

interface PageProps {
  title: string
  /** Stands where the title would, when a page needs more than a word. */
  heading?: ReactNode
  children: ReactNode
}

/** A page: its header with the title and the settings, and its content. */
export function Page({ title, heading, children }: PageProps) {
  const { data: me } = useSuspenseQuery(meQuery)
  useEffect(() => {
    document.title = `${title} · jimeng-gateway`
  }, [title])
  return (
    <>
      <header className="flex items-center gap-0.5 py-2.5 pr-3 pl-4 sm:pl-7">
        <div className="mr-auto min-w-0">
          {heading ?? <h1 className="text-base font-semibold">{title}</h1>}
        </div>
        <SearchButton />
        <Settings />
        {me.auth_enabled && <AccountMenu me={me} />}
      </header>
      <main id="content" tabIndex={-1} className="flex-1 px-4 pb-10 outline-none sm:px-7">
        {children}
      </main>
    </>
  )
}
