import { useCallback, useEffect, useState } from 'react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useTaskEvents } from '../api/live'
import type { Draft } from '../api/upload'
import { estimateKey, estimateQuery } from './queries'

/** How long one has to pause writing before it is estimated, in milliseconds. */
const pause = 500
/** How old an estimate may be while tasks come and go, in milliseconds. */
const stale = 5000

/** What will happen if the draft is sent; undefined while that is not known. */
export function useEstimate(draft: Draft, isWanted: boolean) {
  const client = useQueryClient()
  const settled = useSettled(draft)
  const { data } = useQuery({ ...estimateQuery(settled), enabled: isWanted })
  useTaskEvents(
    useCallback(() => {
      const isStale = (at: number) => Date.now() - at > stale
      void client.invalidateQueries({
        queryKey: estimateKey,
        predicate: ({ state }) => isStale(state.dataUpdatedAt),
      })
    }, [client]),
  )
  return isWanted ? data : undefined
}

/** The draft as it was when it last did not change for a while. */
function useSettled(draft: Draft): Draft {
  const text = JSON.stringify([draft, draft.materials.map(({ name }) => name)])
  const [settled, setSettled] = useState({ text, draft })
  useEffect(() => {
    if (settled.text === text) return
    const timer = setTimeout(() => setSettled({ text, draft }), pause)
    return () => clearTimeout(timer)
  }, [text, settled.text, draft])
  return settled.draft
}
