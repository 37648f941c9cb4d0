import { infiniteQueryOptions, keepPreviousData } from '@tanstack/react-query'
import { api, body } from '../api/http'
import type { Schemas } from '../api/types'
import type { AuditSearch } from './search'

export const auditQuery = (filter: AuditSearch) =>
  infiniteQueryOptions({
    queryKey: ['audit', filter],
    queryFn: async ({ pageParam, signal }) => {
      const query = { ...filter, cursor: pageParam || undefined }
      // Without a format it is JSON, never one of the files.
      return (await body(api.GET('/api/v1/audit', { params: { query }, signal }))) as Schemas['AuditAnswer']
    },
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  })
