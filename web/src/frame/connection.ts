import { useEffect, useSyncExternalStore } from 'react'
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { ApiError } from '../api/http'
import { useLostSince } from '../api/live'
import { keys } from '../api/queries'

/** How often a gateway that does not answer is asked again, in milliseconds. */
const knockInterval = 2000

/**
 * Whether what is on the page could not be brought up to date, and from when it
 * is: null when all is well, 0 when nothing came at all. What failed is asked again
 * until it comes.
 */
export function useLostConnection(): number | null {
  const client = useQueryClient()
  const silentSince = useLostSince()
  const failedSince = useSyncExternalStore(
    (changed) => client.getQueryCache().subscribe(changed),
    () => failedAt(client),
  )
  const failed = failedSince !== null
  useEffect(() => {
    if (!failed) return
    const timer = setInterval(() => void client.refetchQueries({ predicate: hasFailed }), knockInterval)
    return () => clearInterval(timer)
  }, [client, failed])
  return silentSince ?? failedSince
}

type Query = ReturnType<ReturnType<QueryClient['getQueryCache']>['findAll']>[number]

function hasFailed(query: Query): boolean {
  const { error } = query.state
  return (
    query.isActive() && query.queryKey[0] !== keys.me[0] && error instanceof ApiError && error.unavailable
  )
}

function failedAt(client: QueryClient): number | null {
  const failed = client.getQueryCache().findAll().filter(hasFailed)
  return failed.length === 0 ? null : Math.max(...failed.map(({ state }) => state.dataUpdatedAt))
}
