import { queryOptions } from '@tanstack/react-query'
import { api, body } from '../api/http'

export const signInKeys = { all: ['sign-ins'], people: ['people'] } as const

export const signInsQuery = (all: boolean) =>
  queryOptions({
    queryKey: [...signInKeys.all, all],
    queryFn: async ({ signal }) =>
      (await body(api.GET('/api/v1/sign-ins', { params: { query: { all: all || undefined } }, signal })))
        .sign_ins,
  })

export const peopleQuery = queryOptions({
  queryKey: signInKeys.people,
  queryFn: async ({ signal }) => (await body(api.GET('/api/v1/people', { signal }))).people,
})

export const endSignIn = (id: string) =>
  body(api.DELETE('/api/v1/sign-ins/{id}', { params: { path: { id } } }))
