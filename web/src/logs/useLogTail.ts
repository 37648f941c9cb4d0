import { useCallback, useEffect, useReducer } from 'react'
import type { LogEntry } from '../api/types'

/** How many lines the page holds at the live end; older ones are read again when one scrolls up. */
export const mostLines = 2000
/** How many it holds while somebody reads backwards. */
export const mostRead = 8000
/** How often new lines are shown, in milliseconds: a burst costs one rendering. */
const showEvery = 100

/** A line, or a note of ours where lines are missing. */
export type TailItem = LogEntry | { id: string; skipped: number | null }

export interface Tail {
  items: TailItem[]
  /** Somebody has scrolled up: nothing moves or goes away under their eyes. */
  isReading: boolean
  /** Lines that wait because somebody reads. */
  waiting: TailItem[]
  /** What somebody has cleared away and may want back. */
  cleared: TailItem[]
  /** The id before which older lines are read; null where the log begins, undefined if nobody has asked. */
  before?: string | null
  /** connecting at first and after a loss, closed when it will not come back by itself */
  state: 'connecting' | 'live' | 'closed'
}

export type TailAction =
  | { type: 'state'; state: Tail['state'] }
  | { type: 'came'; items: TailItem[] }
  | { type: 'read' }
  | { type: 'reachEnd' }
  | { type: 'follow' }
  | { type: 'older'; items: TailItem[]; before: string | null }
  | { type: 'clear' }
  | { type: 'restore' }
  | { type: 'begin' }

export const beginning: Tail = { items: [], isReading: false, waiting: [], cleared: [], state: 'connecting' }

export function reduce(tail: Tail, action: TailAction): Tail {
  switch (action.type) {
    case 'state':
      return { ...tail, state: action.state }
    case 'came':
      return tail.isReading
        ? { ...tail, waiting: [...tail.waiting, ...action.items].slice(-mostLines) }
        : follow(tail, action.items)
    case 'read':
      return tail.isReading ? tail : { ...tail, isReading: true }
    case 'reachEnd': {
      if (!tail.isReading) return tail
      const { items, waiting } = tail
      // What waits is read on from here, unless some of it is gone or it is too much.
      const isWhole = waiting.length < mostLines && items.length + waiting.length <= mostRead
      return waiting.length > 0 && isWhole
        ? { ...tail, items: [...items, ...waiting], waiting: [] }
        : follow(tail, [])
    }
    case 'follow':
      return follow(tail, [])
    case 'older':
      return { ...tail, items: [...action.items, ...tail.items], before: action.before }
    case 'clear':
      return { ...follow(tail, []), items: [], cleared: [...tail.items, ...tail.waiting], before: undefined }
    case 'restore': {
      const shown = new Set(tail.items.map(({ id }) => id))
      const gone = tail.cleared.filter(({ id }) => !shown.has(id))
      return { ...tail, items: [...gone, ...tail.items], cleared: [], before: undefined }
    }
    case 'begin':
      return beginning
  }
}

/** At the live end, with the newest lines only. */
function follow(tail: Tail, came: TailItem[]): Tail {
  const items = [...tail.items, ...tail.waiting, ...came]
  const live = { ...tail, isReading: false, waiting: [] }
  return items.length > mostLines
    ? { ...live, items: items.slice(-mostLines), before: undefined }
    : { ...live, items }
}

/** Follows a log live. */
export function useLogTail(query: string) {
  const [tail, dispatch] = useReducer(reduce, beginning)
  useEffect(() => {
    dispatch({ type: 'begin' })
    const source = new EventSource(`/api/v1/logs/stream?${query}`)
    let came: TailItem[] = []
    const timer = setInterval(() => {
      if (came.length > 0) dispatch({ type: 'came', items: came })
      came = []
    }, showEvery)
    const take = ({ data }: MessageEvent<string>) => {
      came.push(JSON.parse(data) as LogEntry)
      if (came.length > 2 * mostLines) came = came.slice(-mostLines) // a hidden tab hears its timer rarely
    }
    source.addEventListener('open', () => dispatch({ type: 'state', state: 'live' }))
    source.addEventListener('error', () =>
      dispatch({ type: 'state', state: source.readyState === EventSource.CLOSED ? 'closed' : 'connecting' }),
    )
    source.addEventListener('line', take)
    source.addEventListener('marker', take)
    source.addEventListener('skipped', ({ data }: MessageEvent<string>) => {
      const { lines } = JSON.parse(data) as { lines: number | null }
      came.push({ id: `skipped-${performance.now()}`, skipped: lines })
    })
    return () => {
      clearInterval(timer)
      source.close()
    }
  }, [query])
  const act = useCallback((action: TailAction) => dispatch(action), [])
  return { tail, act }
}
