import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, body } from '../api/http'
import type { Schemas } from '../api/types'

const keysKey = ['keys']

export const keysQuery = queryOptions({
  queryKey: keysKey,
  queryFn: async ({ signal }) => (await body(api.GET('/api/v1/keys', { signal }))).keys,
})

/** What each key has used on each day of the last month. */
export const keyUsageQuery = queryOptions({
  queryKey: ['usage', 'by-key-and-day'],
  queryFn: async ({ signal }) =>
    (await body(
      api.GET('/api/v1/usage', { params: { query: { group_by: ['key', 'day'] } }, signal }),
    )) as Schemas['UsageAnswer'], // the other form is CSV
})

const path = (id: string) => ({ params: { path: { id } } })

/** What can be done with keys. */
export const actions = {
  create: async (request: Schemas['CreateKeyRequest']) =>
    (await body(api.POST('/api/v1/keys', { body: request }))).key,
  change: (id: string, change: Schemas['ChangeKeyRequest']) =>
    body(api.PATCH('/api/v1/keys/{id}', { ...path(id), body: change })),
  rotate: (id: string, grace: number) =>
    body(api.POST('/api/v1/keys/{id}/regenerate', { ...path(id), body: { grace } })),
  remove: (id: string) => body(api.DELETE('/api/v1/keys/{id}', path(id))),
}

/** A mutation after which the keys are read again. What it answers may be a secret, and is forgotten with the dialog. */
export function useChange<In, Out>(mutationFn: (input: In) => Promise<Out>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn,
    gcTime: 0,
    onSettled: () => client.invalidateQueries({ queryKey: keysKey }),
  })
}
