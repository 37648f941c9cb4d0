import { pieces, type Piece } from './ansi'

/** A piece of a line in one look, with whether it is what one looked for. */
export interface Marked extends Piece {
  isHit: boolean
}

/** What finds the words in a line, null for nothing. The gateway's expressions are RE2; what a browser cannot read is not marked. */
export function finder(q: string | undefined, isRegex: boolean): RegExp | null {
  if (!q) return null
  try {
    return new RegExp(isRegex ? q : q.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi')
  } catch {
    return null
  }
}

/** Takes a line apart by its colours and by the hits in it, which may go over several colours. */
export function marked(line: string, find: RegExp | null): Marked[] {
  const coloured = pieces(line)
  if (!find) return coloured.map((piece) => ({ ...piece, isHit: false }))
  const hits = [
    ...coloured
      .map(({ text }) => text)
      .join('')
      .matchAll(find),
  ]
    .map((hit) => ({ from: hit.index, to: hit.index + hit[0].length }))
    .filter(({ from, to }) => to > from)
  const found: Marked[] = []
  let at = 0
  for (const piece of coloured) {
    const end = at + piece.text.length
    const edges = [
      at,
      ...hits.flatMap(({ from, to }) => [from, to]).filter((edge) => edge > at && edge < end),
      end,
    ]
    edges.slice(1).forEach((to, index) => {
      const from = edges[index] ?? at
      if (to === from) return
      const isHit = hits.some((hit) => hit.from <= from && to <= hit.to)
      found.push({ ...piece, text: piece.text.slice(from - at, to - at), isHit })
    })
    at = end
  }
  return found
}
