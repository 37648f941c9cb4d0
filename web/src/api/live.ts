import { createContext, useContext, useEffect, useSyncExternalStore } from 'react'
import type { InfiniteData, QueryClient } from '@tanstack/react-query'
import { keys } from './queries'
import { may, type Me, type Schemas, type Task, type TaskEvent } from './types'

/** How often what has arrived is shown, in milliseconds: a burst costs one rendering. */
const showEvery = 150
/** How long the gateway may be silent before the page says so, in milliseconds; it beats every five seconds. */
const patience = 12_000
/** How long a stream may be away before the page says so, in milliseconds: a reload of the gateway is shorter. */
const awayFor = 3000
const reopenAfter = 1500

type TaskPages = InfiniteData<{ tasks: Task[] }>
type Listener = (events: TaskEvent[]) => void

/**
 * What the gateway tells by itself: the tasks' events, and the state of its parts.
 * It goes into the cache, so that a page shows it without asking. A hidden tab
 * listens to nothing: a browser has few connections for one address.
 */
export class Live {
  private readonly listeners = new Set<Listener>()
  private readonly watchers = new Set<() => void>()
  private readonly sources = new Set<EventSource>()
  private arrived = new Map<string, TaskEvent>()
  private flushing: ReturnType<typeof setTimeout> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined
  private readonly reopening = new Set<ReturnType<typeof setTimeout>>()
  /** The streams that have stood once, and those that are away. */
  private readonly stood = new Set<string>()
  private readonly away = new Map<string, ReturnType<typeof setTimeout>>()
  private heardAt = Date.now()
  /** When the page was last known to be up to date, null while it is. */
  lostSince: number | null = null

  constructor(
    private readonly client: QueryClient,
    private readonly me: Me,
  ) {}

  readonly start = (): (() => void) => {
    const visibility = () => (document.hidden ? this.close() : this.open())
    document.addEventListener('visibilitychange', visibility)
    window.addEventListener('online', this.again)
    visibility()
    return () => {
      document.removeEventListener('visibilitychange', visibility)
      window.removeEventListener('online', this.again)
      this.close()
    }
  }

  readonly onTasks = (listener: Listener): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed)
    return () => this.watchers.delete(changed)
  }

  private open() {
    if (this.sources.size > 0) return
    this.awaitWord()
    if (may(this.me, 'task:read')) this.listen('/api/v1/events', this.hearTasks)
    this.listen('/api/v1/status/stream', this.hearState)
  }

  private close() {
    for (const source of this.sources) source.close()
    this.sources.clear()
    for (const timer of [this.flushing, this.silence, ...this.reopening, ...this.away.values()]) {
      clearTimeout(timer)
    }
    this.reopening.clear()
    this.away.clear()
    this.flushing = undefined
    this.arrived.clear()
  }

  private readonly again = () => {
    this.close()
    this.open()
  }

  private readonly hearTasks = (source: EventSource) => {
    for (const name of [...Object.keys(taskEventNames), 'task.updated', 'task.deleted']) {
      source.addEventListener(name, ({ data }: MessageEvent<string>) => {
        const event = JSON.parse(data) as TaskEvent
        this.arrived.set(event.task_id, event)
        this.flushing ??= setTimeout(this.flush, showEvery)
        this.heard()
      })
    }
  }

  private readonly hearState = (source: EventSource) => {
    const into = <T>(name: string, key: readonly unknown[]) =>
      source.addEventListener(name, ({ data }: MessageEvent<string>) => {
        this.heard()
        this.client.setQueryData<T>(key, JSON.parse(data) as T)
      })
    into<Schemas['HealthAnswer']>('health', keys.health)
    into<Schemas['TaskCounts']>('stats', keys.stats)
    into<Schemas['ContainersAnswer']>('containers', keys.containers)
    into<Schemas['PoolSummary']>('pool', keys.pool)
    source.addEventListener('sessions', ({ data }: MessageEvent<string>) => {
      this.heard()
      const { changed, removed } = JSON.parse(data) as Schemas['SessionsEvent']
      this.client.setQueryData<Schemas['Pooled'][]>(keys.sessions, (list) => {
        if (!list) return list
        const fresh = new Map(changed.map((session) => [session.id, session]))
        const kept = list.filter(({ id }) => !removed.includes(id)).map((old) => fresh.get(old.id) ?? old)
        const known = new Set(list.map(({ id }) => id))
        return [...kept, ...changed.filter(({ id }) => !known.has(id))]
      })
    })
    source.addEventListener('beat', () => this.heard())
  }

  private listen(path: string, hear: (source: EventSource) => void) {
    const source = new EventSource(path)
    this.sources.add(source)
    source.addEventListener('open', () => {
      clearTimeout(this.away.get(path))
      this.away.delete(path)
      // Nobody knows what was missed while it was away.
      if (this.stood.has(path)) void this.client.invalidateQueries()
      this.stood.add(path)
      this.heard()
    })
    source.addEventListener('error', () => {
      if (!this.away.has(path)) {
        this.away.set(
          path,
          setTimeout(() => this.tell(this.heardAt), awayFor),
        )
      }
      // The browser comes back by itself, unless it got an answer that is no stream:
      // the sign-in may have ended, or a proxy speaks for a gateway that restarts.
      if (source.readyState !== EventSource.CLOSED || !this.sources.delete(source)) return
      void this.client.invalidateQueries({ queryKey: keys.me })
      const timer = setTimeout(() => {
        this.reopening.delete(timer)
        this.listen(path, hear)
      }, reopenAfter)
      this.reopening.add(timer)
    })
    hear(source)
  }

  private heard() {
    this.heardAt = Date.now()
    this.awaitWord()
    if (this.lostSince !== null && this.away.size === 0) this.tell(null)
  }

  private awaitWord() {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => {
      this.tell(this.lostSince ?? this.heardAt)
      this.again()
    }, patience)
  }

  private tell(lostSince: number | null) {
    if (lostSince === this.lostSince) return
    this.lostSince = lostSince
    for (const changed of this.watchers) changed()
  }

  private readonly flush = () => {
    this.flushing = undefined
    const events = [...this.arrived.values()]
    const byId = this.arrived
    this.arrived = new Map()
    for (const { task_id, task } of events) {
      if (task) this.client.setQueryData<Task>(keys.task(task_id), (known) => known && task)
      // An answer that is on its way may be older than the event.
      if (this.client.isFetching({ queryKey: keys.task(task_id), exact: true }) > 0) {
        void this.client.invalidateQueries({ queryKey: keys.task(task_id), exact: true })
      }
      void this.client.invalidateQueries({ queryKey: keys.taskMore(task_id) })
    }
    this.client.setQueriesData<TaskPages>({ queryKey: keys.taskLists }, (data) => data && patched(data, byId))
    for (const listener of this.listeners) listener(events)
  }
}

const taskEventNames: Record<`task.${Task['status']}`, true> = {
  'task.queued': true,
  'task.submitting': true,
  'task.polling': true,
  'task.downloading': true,
  'task.succeeded': true,
  'task.failed': true,
  'task.cancelled': true,
}

/** The same pages with what has changed in them; rows stay where they are. */
function patched(data: TaskPages, events: ReadonlyMap<string, TaskEvent>): TaskPages {
  let changed = false
  const pages = data.pages.map((page) => {
    if (!page.tasks.some(({ id }) => events.has(id))) return page
    changed = true
    const tasks = page.tasks.flatMap((old) => {
      const event = events.get(old.id)
      return event === undefined ? [old] : event.task ? [event.task] : []
    })
    return { ...page, tasks }
  })
  return changed ? { ...data, pages } : data
}

export const LiveContext = createContext<Live | null>(null)

function useLive(): Live {
  const live = useContext(LiveContext)
  if (live === null) throw new Error('nothing is live outside of LiveContext')
  return live
}

/** Calls the listener with each handful of events of tasks. */
export function useTaskEvents(listener: Listener): void {
  const live = useLive()
  useEffect(() => live.onTasks(listener), [live, listener])
}

/** From when the page is, if the gateway is silent; null while all is well. */
export function useLostSince(): number | null {
  const live = useLive()
  return useSyncExternalStore(live.watch, () => live.lostSince)
}
