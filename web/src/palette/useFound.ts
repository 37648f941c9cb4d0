import { useEffect, useState } from 'react'
import { keepPreviousData, queryOptions, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { api, body } from '../api/http'
import { meQuery } from '../api/queries'
import { may, type Schemas, type Task } from '../api/types'

/** How long nobody types before the gateway is asked, in milliseconds. */
const pause = 200
/** How many of a kind are offered. */
const most = 6

const tasksQuery = (q: string) =>
  queryOptions({
    queryKey: ['palette', 'tasks', q],
    queryFn: async ({ signal }) =>
      (await body(api.GET('/api/v1/tasks', { params: { query: { q, limit: most } }, signal }))).tasks,
    placeholderData: keepPreviousData,
  })

const sessionsQuery = queryOptions({
  queryKey: ['palette', 'sessions'],
  queryFn: async ({ signal }) => (await body(api.GET('/api/v1/sessions', { signal }))).sessions,
})

const keysQuery = queryOptions({
  queryKey: ['palette', 'keys'],
  queryFn: async ({ signal }) => (await body(api.GET('/api/v1/keys', { signal }))).keys,
})

interface Found {
  tasks: Task[]
  sessions: Schemas['Session'][]
  keys: Schemas['Key'][]
}

/** The tasks, sessions and keys with these words, of those that the caller may see. */
export function useFound(text: string): Found {
  const { data: me } = useSuspenseQuery(meQuery)
  const words = text.trim()
  const settled = useSettled(words).slice(0, 200)
  const asks = words !== ''
  const { data: tasks } = useQuery({
    ...tasksQuery(settled),
    enabled: asks && settled !== '' && may(me, 'task:read'),
  })
  const { data: sessions } = useQuery({ ...sessionsQuery, enabled: asks && may(me, 'pool:read') })
  const { data: keys } = useQuery({ ...keysQuery, enabled: asks && may(me, 'admin') })
  if (!asks) return { tasks: [], sessions: [], keys: [] }
  return {
    tasks: tasks ?? [],
    sessions: (sessions ?? []).filter(({ label, id }) => has(words, label, id)).slice(0, most),
    keys: (keys ?? []).filter(({ name, id, key_prefix }) => has(words, name, id, key_prefix)).slice(0, most),
  }
}

/** Whether one of the texts has the words, in capitals or not. */
export function has(words: string, ...texts: (string | null | undefined)[]): boolean {
  const lower = words.trim().toLowerCase()
  return texts.some((text) => text?.toLowerCase().includes(lower))
}

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), pause)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}
