/** A piece of a line in one look. */
export interface Piece {
  text: string
  /** One of the eight colours of a terminal, null for the usual one. */
  colour: number | null
  bold: boolean
}

// eslint-disable-next-line no-control-regex -- the escape is what starts a colour
const sequence = /\u001b\[([\d;]*)m/g

/** Takes a line apart by the colours that its writer put into it. */
export function pieces(line: string): Piece[] {
  const found: Piece[] = []
  let colour: number | null = null
  let bold = false
  let from = 0
  const take = (to: number) => {
    if (to > from) found.push({ text: line.slice(from, to), colour, bold })
  }
  for (const match of line.matchAll(sequence)) {
    take(match.index)
    from = match.index + match[0].length
    for (const code of (match[1] ?? '').split(';').map(Number)) {
      if (code === 0) [colour, bold] = [null, false]
      else if (code === 1) bold = true
      else if (code === 22) bold = false
      else if (code === 39) colour = null
      else if (code >= 30 && code <= 37) colour = code - 30
      else if (code >= 90 && code <= 97) colour = code - 90
    }
  }
  take(line.length)
  return found
}
