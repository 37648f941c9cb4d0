/** A member that changed: undefined where it was not there. */
export interface Change {
  name: string
  was?: string
  became?: string
}

type Facts = Record<string, unknown> | null | undefined

/** What a line of the audit log tells that has changed, member by member, in the order in which it is told. */
export function difference(was: Facts, became: Facts): Change[] {
  const names = [...new Set([...Object.keys(was ?? {}), ...Object.keys(became ?? {})])]
  return names.flatMap((name) => {
    const before = show(was?.[name])
    const after = show(became?.[name])
    const isNothing = before === undefined ? isEmpty(after) : after === undefined && isEmpty(before)
    return before === after || isNothing ? [] : [{ name, was: before, became: after }]
  })
}

/** Of a thing that was made or deleted, what it did not have is not worth a line. */
function isEmpty(text: string | undefined): boolean {
  return text === '' || text === 'null' || text === '0' || text === '[]' || text === '{}'
}

function show(value: unknown): string | undefined {
  if (value === undefined) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}
