import { useId, useState, type KeyboardEvent, type RefObject } from 'react'
import type { Draft } from '../api/upload'
import { typedReference } from './references'

/** Offers the draft's materials while a reference to one is typed. */
export function useCompletion(
  area: RefObject<HTMLTextAreaElement | null>,
  draft: Draft,
  setPrompt: (prompt: string) => void,
) {
  const id = useId()
  const [typed, setTyped] = useState<string | null>(null)
  const [focused, setFocused] = useState(0)
  const offers = typed === null ? [] : offersFor(typed, draft)
  const current = Math.min(focused, offers.length - 1)
  const optionId = (number: number) => `${id}-${number}`

  /** Looks at what stands before the caret, after the field has changed. */
  function look() {
    const element = area.current
    if (!element) return
    setTyped(typedReference(element.value, element.selectionStart))
    setFocused(0)
  }

  function choose(number: number) {
    const element = area.current
    if (!element) return
    const caret = element.selectionStart
    const start = caret - (typedReference(element.value, caret)?.length ?? 0) - 1
    const rest = element.value.slice(caret)
    const reference = `@${number}${rest.startsWith(' ') ? '' : ' '}`
    element.focus()
    setPrompt(element.value.slice(0, start) + reference + rest)
    setTyped(null)
    // The caret can be placed once the new text is there.
    requestAnimationFrame(() => {
      const after = start + reference.length
      element.setSelectionRange(after, after)
    })
  }

  function onKeyDown(event: KeyboardEvent) {
    const number = offers[current]
    if (number === undefined || event.nativeEvent.isComposing || event.ctrlKey || event.metaKey) return
    if (event.key === 'ArrowDown') setFocused((current + 1) % offers.length)
    else if (event.key === 'ArrowUp') setFocused((current + offers.length - 1) % offers.length)
    else if (event.key === 'Enter' || event.key === 'Tab') choose(number)
    else if (event.key === 'Escape') setTyped(null)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  const number = offers[current]
  const isOpen = number !== undefined
  return {
    look,
    area: {
      onKeyDown,
      onBlur: () => setTyped(null),
      'aria-autocomplete': 'list' as const,
      'aria-haspopup': 'listbox' as const,
      'aria-controls': isOpen ? id : undefined,
      'aria-activedescendant': isOpen ? optionId(number) : undefined,
    },
    list: { id, optionId, offers, current: number, materials: draft.materials, onChoose: choose },
  }
}

/** The numbers of the materials that are meant: by number or by a part of the name. */
function offersFor(typed: string, draft: Draft): number[] {
  const wanted = typed.toLowerCase()
  return draft.materials.flatMap(({ name }, index) => {
    const number = String(index + 1)
    // A number that is complete needs no help.
    if (number === wanted) return []
    return number.startsWith(wanted) || name.toLowerCase().includes(wanted) ? [index + 1] : []
  })
}
