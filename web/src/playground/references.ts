/** As the gateway reads them: @1, @image1, @图1. */
const reference = /@(?:图|image)?(\d+)/gi

export interface Piece {
  text: string
  /** The number of the material that it points at, from 1; null for plain text. */
  material: number | null
}

/** A prompt cut at its references to materials; one to a material that is not there is plain text. */
export function pieces(prompt: string, materials: number): Piece[] {
  const result: Piece[] = []
  let end = 0
  const plain = (until: number) => {
    if (until > end) result.push({ text: prompt.slice(end, until), material: null })
  }
  for (const match of prompt.matchAll(reference)) {
    const number = Number(match[1])
    if (number < 1 || number > materials) continue
    plain(match.index)
    end = match.index + match[0].length
    result.push({ text: match[0], material: number })
  }
  plain(prompt.length)
  return result
}

/** The prompt with each reference led elsewhere; one that leads to null goes. */
export function redirect(prompt: string, to: (material: number) => number | null): string {
  return prompt.replace(reference, (whole: string, digits: string) => {
    const material = to(Number(digits))
    return material === null ? '' : whole.slice(0, whole.length - digits.length) + String(material)
  })
}

/** What is being typed at the caret: the part of a reference after its "@", null if none is. */
export function typedReference(prompt: string, caret: number): string | null {
  return /@([^\s@]{0,40})$/.exec(prompt.slice(0, caret))?.[1] ?? null
}
