import { useEffect, useState } from 'react'
import { type QueryClient, QueryClientProvider, useQuery, useQueryClient } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { I18nProvider } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Live, LiveContext } from './api/live'
import { meQuery } from './api/queries'
import type { Me } from './api/types'
import { DraftProvider } from './playground/DraftProvider'
import { newRouter } from './router'
import { SignIn } from './signin/SignIn'
import { ErrorNote } from './ui/ErrorNote'

interface Props {
  /** With what was asked for before. */
  client: QueryClient
}

export function App({ client }: Props) {
  const { i18n } = useTranslation()
  return (
    <QueryClientProvider client={client}>
      <I18nProvider locale={i18n.language === 'zh' ? 'zh-CN' : 'en-US'}>
        <Gate />
      </I18nProvider>
    </QueryClientProvider>
  )
}

/** Asks who is there before it shows anything. The address stays the same while one signs in. */
function Gate() {
  const { data: me, error, refetch } = useQuery(meQuery)
  if (me) return me.authenticated || !me.auth_enabled ? <Inside me={me} /> : <SignIn me={me} />
  if (error === null) return null
  return (
    <main className="mx-auto max-w-prose px-5 py-16">
      <ErrorNote error={error} onRetry={refetch} />
    </main>
  )
}

function Inside({ me }: { me: Me }) {
  const client = useQueryClient()
  const [router] = useState(newRouter)
  const [live] = useState(() => new Live(client, me))
  useEffect(() => live.start(), [live])
  return (
    <LiveContext value={live}>
      <DraftProvider>
        <RouterProvider router={router} />
      </DraftProvider>
    </LiveContext>
  )
}
