import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, body } from '../api/http'
import { keys } from '../api/queries'
import type { Schemas } from '../api/types'

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
