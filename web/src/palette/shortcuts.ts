/** The pages that a letter after "g" leads to. */
export const goTo = {
  o: '/',
  t: '/tasks',
  p: '/playground',
  s: '/sessions',
  k: '/keys',
  u: '/usage',
  l: '/logs',
  a: '/audit',
} as const

/** On a Mac the command key is what the control key is elsewhere. */
export const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)

/** How long one may think after "g", in milliseconds. */
const patience = 1500

export type Stroke = 'palette' | 'help' | 'find' | 'create' | { page: string }

type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'timeStamp'>

/**
 * Reads one key after the other and tells what they mean together. While one types
 * into a field or a window is open, only the palette's own keys count.
 */
export function newReader(mac: boolean): (keys: Keys, isBusy: boolean) => Stroke | null {
  let wentAt = -Infinity
  return ({ key, ctrlKey, metaKey, altKey, timeStamp }, isBusy) => {
    if (key.toLowerCase() === 'k' && (mac ? metaKey && !ctrlKey : ctrlKey && !metaKey) && !altKey)
      return 'palette'
    if (isBusy || ctrlKey || metaKey || altKey) return null
    const afterG = timeStamp - wentAt < patience
    wentAt = key === 'g' && !afterG ? timeStamp : -Infinity
    if (afterG) return key in goTo ? { page: goTo[key as keyof typeof goTo] } : null
    if (key === '?') return 'help'
    if (key === '/') return 'find'
    return key === 'n' ? 'create' : null
  }
}

/** Whether what has the focus takes letters: a field, or a list that one jumps about in by letters. */
export function takesLetters(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target instanceof HTMLInputElement)
    return !/^(checkbox|radio|button|submit|file|range)$/.test(target.type)
  return (
    target.isContentEditable ||
    target.closest('textarea, select, [role=dialog], [role=listbox], [role=menu]') !== null
  )
}
