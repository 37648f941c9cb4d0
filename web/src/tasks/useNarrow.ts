import { useSyncExternalStore } from 'react'

/** Whether there is room for two short lines per row only; the same bound as Tailwind's md. */
const narrow = '(width < 48rem)'

function watch(changed: () => void): () => void {
  const query = window.matchMedia?.(narrow)
  query?.addEventListener('change', changed)
  return () => query?.removeEventListener('change', changed)
}

export function useNarrow(): boolean {
  return useSyncExternalStore(watch, () => window.matchMedia?.(narrow).matches ?? false)
}
