import { useEffect, useState } from 'react'
import { gatewayNow } from '../api/http'

/** The gateway's time, every second while active and at least once on mount. */
export function useNow(active = true): number {
  const [now, setNow] = useState(gatewayNow)
  useEffect(() => {
    if (!active) return
    const timer = setInterval(() => setNow(gatewayNow()), 1000)
    return () => clearInterval(timer)
  }, [active])
  return now
}
