import { useQueryClient } from '@tanstack/react-query'
import { meQuery, signOut } from '../api/queries'
import type { Me } from '../api/types'

/** Ends the sign-in and forgets everything that was shown under it. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient()
  return async () => {
    // Without an answer the next question tells what holds.
    const answer = await signOut().catch(() => undefined)
    if (answer?.redirect) {
      window.location.assign(answer.redirect) // to the provider, where the sign-in ends too
      return
    }
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' })
    await client.refetchQueries(meQuery)
  }
}

/** Takes over the answer to a successful sign-in. */
export function useSignedIn(): (me: Me) => void {
  const client = useQueryClient()
  return (me) => client.setQueryData(meQuery.queryKey, me)
}
