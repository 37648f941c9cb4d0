/** What stands in an address, before anybody has looked at it. */
export type RawSearch = Record<string, unknown>

/**
 * A text of the address, absent if it is empty. The router makes numbers and truths of
 * what looks like some, where that can be taken back without a loss.
 */
export function text(search: RawSearch, name: string): string | undefined {
  const value = search[name]
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** One of a few words, absent if it is none of them. */
export function oneOf<T extends string>(search: RawSearch, name: string, words: readonly T[]): T | undefined {
  const value = text(search, name)
  return words.find((word) => word === value)
}

/** Those of the words, with commas between them, that are known; absent if there are none. */
export function someOf<T extends string>(
  search: RawSearch,
  name: string,
  words: readonly T[],
): T[] | undefined {
  const named = text(search, name)?.split(',') ?? []
  const known = words.filter((word) => named.includes(word))
  return known.length > 0 ? known : undefined
}
