import { useState } from 'react'
import type { Task } from '../api/types'

export interface Selection {
  /** Everything that the filter chooses, loaded or not. */
  all: boolean
  ids: ReadonlySet<string>
}

const nothing: Selection = { all: false, ids: new Set() }

/** Which rows are chosen, and which of them one is at. */
export function useSelection(tasks: readonly Task[], address: string) {
  const [selection, setSelection] = useState(nothing)
  const [current, setCurrent] = useState<string | null>(null)
  const [anchor, setAnchor] = useState<string | null>(null)
  const [madeFor, setMadeFor] = useState(address)
  if (madeFor !== address) {
    setMadeFor(address)
    setSelection(nothing)
    setCurrent(null)
  }
  const indexOf = (id: string | null) => tasks.findIndex((task) => task.id === id)
  const at = indexOf(current)
  const isSelected = (id: string) => selection.all || selection.ids.has(id)

  const toggle = (id: string) => {
    const ids = new Set(selection.all ? tasks.map((task) => task.id) : selection.ids)
    if (!ids.delete(id)) ids.add(id)
    setSelection({ all: false, ids })
    setAnchor(id)
    setCurrent(id)
  }
  /** From where one began to the row, in addition to what was chosen before. */
  const extend = (id: string) => {
    const from = Math.max(0, indexOf(anchor ?? current))
    const to = indexOf(id)
    const between = tasks.slice(Math.min(from, to), Math.max(from, to) + 1).map((task) => task.id)
    setSelection({ all: false, ids: new Set([...selection.ids, ...between]) })
    setAnchor(tasks[from]?.id ?? id)
    setCurrent(id)
  }
  return {
    selection,
    count: selection.ids.size,
    current,
    at,
    isSelected,
    toggle,
    extend,
    moveTo: (id: string) => {
      setCurrent(id)
      setAnchor(id)
    },
    selectLoaded: () => setSelection({ all: false, ids: new Set(tasks.map(({ id }) => id)) }),
    selectAll: () => setSelection({ all: true, ids: new Set() }),
    clear: () => setSelection(nothing),
  }
}

export type SelectionState = ReturnType<typeof useSelection>
