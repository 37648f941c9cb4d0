import type { Schemas } from '../api/types'

export type History = Schemas['History']

/** What is told in one line: an event, or polls in a row. */
export interface Step {
  first: History
  last: History
  /** More than 1 for polls in a row. */
  count: number
  /** The events of it, oldest first. */
  events: History[]
}

/** The history with polls in a row folded: what counts of them is how many, and the last. */
export function steps(history: History[]): Step[] {
  const result: Step[] = []
  for (const event of history) {
    const before = result.at(-1)
    if (before && folds(event) && event.what === before.last.what && sameWords(event, before.last)) {
      before.events.push(event)
      before.last = event
      before.count++
    } else {
      result.push({ first: event, last: event, count: 1, events: [event] })
    }
  }
  return result
}

function folds({ what }: History): boolean {
  return what === 'polled' || what === 'poll_failed' || what === 'mirror_failed'
}

function sameWords(a: History, b: History): boolean {
  return a.error_message === b.error_message && a.attempt === b.attempt
}

/** How many steps of a long history are shown at its beginning and its end. */
const head = 4
const tail = 12

/** A long history without its middle, and how many steps that are. */
export function shortened(all: Step[]): { start: Step[]; hidden: number; end: Step[] } {
  if (all.length <= head + tail + 2) return { start: all, hidden: 0, end: [] }
  return { start: all.slice(0, head), hidden: all.length - head - tail, end: all.slice(-tail) }
}
