import { useEffect, useState, useSyncExternalStore } from 'react'
import { gatewayNow } from '../api/http'

const watchers = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** Calls it every second; one timer for all, so that what changes with the time is drawn together. */
function eachSecond(tick: () => void): () => void {
  watchers.add(tick)
  timer ??= setInterval(() => watchers.forEach((tick) => tick()), 1000)
  return () => {
    watchers.delete(tick)
    if (watchers.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The gateway's time, every second while active and at least once on mount. */
export function useNow(active = true): number {
  const [now, setNow] = useState(gatewayNow)
  useEffect(() => (active ? eachSecond(() => setNow(gatewayNow())) : undefined), [active])
  return now
}

/** A text that the gateway's time is part of; it is drawn again when it reads differently, not every second. */
export function useTimeText(text: (now: number) => string): string {
  return useSyncExternalStore(eachSecond, () => text(gatewayNow()))
}
