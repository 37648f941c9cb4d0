import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, body } from '../api/http'
import { keys } from '../api/queries'
import type { Schemas } from '../api/types'

const getPool = (signal: AbortSignal) => body(api.GET('/api/v1/pool', { signal }))

/** The pool without its sessions. */
export const poolQuery = queryOptions({
  queryKey: keys.pool,
  queryFn: async ({ signal }): Promise<Schemas['PoolSummary']> => {
    const { upstreams, slots, free, running, waiting, next_slot_at } = await getPool(signal)
    return { upstreams, slots, free, running, waiting, next_slot_at }
  },
})

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async ({ signal }) => (await getPool(signal)).sessions,
})

const path = (id: string) => ({ params: { path: { id } } })

/** What can be done with a session. */
export const actions = {
  import: (request: Schemas['ImportSessionsRequest']) =>
    body(api.POST('/api/v1/sessions/import', { body: request })),
  change: (id: string, change: Schemas['ChangeSessionRequest']) =>
    body(api.PATCH('/api/v1/sessions/{id}', { ...path(id), body: change })),
  remove: (id: string) => body(api.DELETE('/api/v1/sessions/{id}', path(id))),
  cool: (id: string, request: Schemas['CoolSessionRequest']) =>
    body(api.POST('/api/v1/sessions/{id}/cool', { ...path(id), body: request })),
  bringBack: (id: string) => body(api.POST('/api/v1/sessions/{id}/bring-back', path(id))),
  probe: (sessions: string[]) => body(api.POST('/api/v1/pool/probe', { body: { sessions } })),
}

/** A mutation after which the pool is read again; the stream may take a moment longer. */
export function useChange<In, Out>(mutationFn: (input: In) => Promise<Out>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn,
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.sessions }),
        client.invalidateQueries({ queryKey: keys.pool }),
      ]),
  })
}
