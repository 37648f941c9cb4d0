import { useEffect, useSyncExternalStore } from 'react'
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { ApiError, request } from '../api/http'
import { meQuery } from '../api/queries'

/** How often a lost gateway is asked whether it is back, in milliseconds. */
const knockInterval = 2000

/**
 * Whether what is on the page could not be brought up to date, and from when it
 * is: null when all is well, 0 when nothing came at all. While the connection is
 * lost it knocks, and asks for everything again as soon as somebody opens.
 */
export function useLostConnection(): number | null {
  const client = useQueryClient()
  const lostSince = useSyncExternalStore(
    (changed) => client.getQueryCache().subscribe(changed),
    () => lostAt(client),
  )
  const lost = lostSince !== null
  useEffect(() => {
    if (!lost) return
    const timer = setInterval(() => {
      request('/auth/me').then(
        () => client.refetchQueries({ type: 'active' }),
        () => undefined, // still lost
      )
    }, knockInterval)
    return () => clearInterval(timer)
  }, [client, lost])
  return lostSince
}

function lostAt(client: QueryClient): number | null {
  const stale = client
    .getQueryCache()
    .findAll({ type: 'active' })
    .filter(({ state, queryKey }) => queryKey[0] !== meQuery.queryKey[0] && isUnavailable(state.error))
  if (stale.length === 0) return null
  return Math.max(...stale.map(({ state }) => state.dataUpdatedAt))
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ApiError && error.unavailable
}
