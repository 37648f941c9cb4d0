import { useCallback, useEffect, useRef, useState } from 'react'
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { gatewayNow } from '../api/http'
import { useTaskEvents } from '../api/live'
import { keys, modelsQuery } from '../api/queries'
import type { Task, TaskEvent } from '../api/types'
import { filterOf, matches } from './filter'
import { withNews, type Waiting } from './news'
import { listQuery, type TaskPages } from './queries'
import type { TasksSearch } from './search'

/** How often counts that only a request tells are asked again, in milliseconds. */
const countEvery = 2000

const none: Waiting = new Map()

/**
 * The tasks that the address chooses, as they change. New ones wait until they are
 * shown. While it is paused, rows stay as they were, too.
 */
export function useLiveList(search: TasksSearch) {
  const client = useQueryClient()
  const list = useInfiniteQuery(listQuery(search))
  const tasks = list.data?.pages.flatMap((page) => page.tasks)
  const [waiting, setWaiting] = useState(none)
  const [frozen, setFrozen] = useState<ReadonlyMap<string, Task> | null>(null)
  const address = JSON.stringify(search)
  const [shownFor, setShownFor] = useState(address)
  if (shownFor !== address) {
    setShownFor(address)
    setWaiting(none)
    setFrozen(null)
  }
  const recount = useRecount()
  const listener = useCallback(
    (events: TaskEvent[]) => {
      recount()
      const { queryKey } = listQuery(search)
      const data = client.getQueryData<TaskPages>(queryKey)
      if (!data) return
      const models = client.getQueryData(modelsQuery.queryKey) ?? []
      const filter = filterOf(search, gatewayNow())
      const known = new Set(data.pages.flatMap((page) => page.tasks.map(({ id }) => id)))
      setWaiting((before) => {
        const after = new Map(before)
        for (const { task_id, task } of events) {
          if (task && !known.has(task_id) && matches(task, filter, models)) {
            after.set(task_id, task)
          } else {
            after.delete(task_id)
          }
        }
        return after.size === 0 && before.size === 0 ? before : after
      })
    },
    [client, search, recount],
  )
  useTaskEvents(listener)
  const show = useCallback(() => {
    client.setQueryData<TaskPages>(listQuery(search).queryKey, (data) => data && withNews(data, waiting))
    setWaiting(none)
  }, [client, search, waiting])
  return {
    list,
    tasks: frozen ? tasks?.map((task) => frozen.get(task.id) ?? task) : tasks,
    news: waiting.size,
    show,
    isPaused: frozen !== null,
    pause: (paused: boolean) => setFrozen(paused ? new Map(tasks?.map((task) => [task.id, task])) : null),
  }
}

/** Asks for the filtered counts again, but not with each event. */
function useRecount(): () => void {
  const client = useQueryClient()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      void client.invalidateQueries({
        queryKey: keys.stats,
        predicate: ({ queryKey }) => queryKey.length > 1,
      })
    }, countEvery)
  }, [client])
}
