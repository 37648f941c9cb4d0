import { useCallback, useEffect, useReducer, useRef } from 'react'
import type { LogEntry } from '../api/types'

/** How many lines the page holds; older ones can be downloaded. */
export const mostLines = 2000
/** How often new lines are shown, in milliseconds: a burst costs one rendering. */
const showEvery = 100

/** A line, or a note of ours where lines are missing. */
export type TailItem = LogEntry | { id: string; skipped: number | null }

interface Tail {
  items: TailItem[]
  /** Lines that wait because somebody reads. */
  waiting: TailItem[]
  /** What somebody has cleared away and may want back. */
  cleared: TailItem[]
  /** connecting at first and after a loss, closed when it will not come back by itself */
  state: 'connecting' | 'live' | 'closed'
}

type Action =
  | { type: 'state'; state: Tail['state'] }
  | { type: 'came'; items: TailItem[]; hold: boolean }
  | { type: 'show' }
  | { type: 'older'; items: TailItem[] }
  | { type: 'clear' }
  | { type: 'restore' }
  | { type: 'begin' }

/** How many lines one may have read backwards. */
export const mostRead = 8000

const newest = (items: TailItem[]) => (items.length > mostLines ? items.slice(-mostLines) : items)

const beginning: Tail = { items: [], waiting: [], cleared: [], state: 'connecting' }

function reduce(tail: Tail, action: Action): Tail {
  switch (action.type) {
    case 'state':
      return { ...tail, state: action.state }
    case 'came':
      return action.hold
        ? { ...tail, waiting: newest([...tail.waiting, ...action.items]) }
        : { ...tail, items: newest([...tail.items, ...tail.waiting, ...action.items]), waiting: [] }
    case 'show':
      return { ...tail, items: newest([...tail.items, ...tail.waiting]), waiting: [] }
    case 'older':
      return { ...tail, items: [...action.items, ...tail.items] }
    case 'clear':
      return { ...tail, items: [], waiting: [], cleared: [...tail.items, ...tail.waiting] }
    case 'restore':
      return { ...tail, items: [...tail.cleared, ...tail.items], cleared: [] }
    case 'begin':
      return beginning
  }
}

/**
 * Follows a log live. While hold is set, new lines wait, so that nothing moves
 * under the eyes of somebody who reads.
 */
export function useLogTail(query: string, hold: boolean) {
  const [tail, dispatch] = useReducer(reduce, beginning)
  const held = useRef(hold)
  useEffect(() => {
    held.current = hold
  }, [hold])
  useEffect(() => {
    dispatch({ type: 'begin' })
    const source = new EventSource(`/api/v1/logs/stream?${query}`)
    let came: TailItem[] = []
    const timer = setInterval(() => {
      if (came.length > 0) dispatch({ type: 'came', items: came, hold: held.current })
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
  const show = useCallback(() => dispatch({ type: 'show' }), [])
  const clear = useCallback(() => dispatch({ type: 'clear' }), [])
  const restore = useCallback(() => dispatch({ type: 'restore' }), [])
  const prepend = useCallback((items: TailItem[]) => dispatch({ type: 'older', items }), [])
  return { ...tail, show, clear, restore, prepend }
}
