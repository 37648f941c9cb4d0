import { QueryCache, QueryClient } from '@tanstack/react-query'
import { ApiError } from './http'
import { meQuery } from './queries'
import type { Me } from './types'

/** The cache of everything the gateway told. */
export function newQueryClient(): QueryClient {
  const client = new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        // The sign-in has ended: show the sign-in page, keep the address.
        if (error instanceof ApiError && error.status === 401) {
          client.setQueryData<Me>(meQuery.queryKey, (me) => me && { ...me, authenticated: false })
        }
      },
    }),
    defaultOptions: {
      queries: {
        retry: false, // what matters is asked again anyway, and the banner says what is stale
        networkMode: 'always', // a gateway on this machine answers without any network
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  })
  return client
}
