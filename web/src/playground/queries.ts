import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, body } from '../api/http'
import { isFile, isNamed, type Draft } from '../api/upload'
import { kindOf } from './draft'

export const estimateKey = ['estimate']

/** What a draft would cost, and when it would start. Its files are not sent for that. */
export const estimateQuery = (draft: Draft) => {
  const { model, prompt, duration, ratio, resolution } = draft
  const materials = draft.materials.filter(isFile).map((file) => ({ kind: kindOf(file) ?? undefined }))
  const file_paths = draft.materials.filter(isNamed).map(({ ref }) => ref)
  const request = { model, prompt, duration, ratio, resolution, materials, file_paths }
  return queryOptions({
    queryKey: [...estimateKey, request],
    queryFn: ({ signal }) => body(api.POST('/api/v1/tasks/estimate', { body: request, signal })),
    staleTime: 10_000,
    placeholderData: (before) => before,
  })
}

/** The bytes that this caller may send in one file; 0 where only the configuration has a limit. */
export const maxUploadQuery = queryOptions({
  queryKey: ['max upload'],
  queryFn: ({ signal }) => body(api.GET('/api/v1/me', { signal })),
  select: ({ key }) => key.max_upload,
})

export const materialsQuery = infiniteQueryOptions({
  queryKey: ['materials'],
  queryFn: ({ pageParam, signal }) =>
    body(
      api.GET('/api/v1/materials', {
        params: { query: { limit: 60, before: pageParam || undefined } },
        signal,
      }),
    ),
  initialPageParam: '',
  getNextPageParam: (page) => page.next,
})
