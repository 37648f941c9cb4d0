import { oneOf, text, type RawSearch } from '../frame/search'

export const sortings = ['name', 'used', 'created', 'expires'] as const

export interface KeysSearch {
  show?: 'enabled' | 'disabled'
  text?: string
  sort?: (typeof sortings)[number]
  order?: 'desc'
  /** The key that is open. */
  key?: string
}

export const keysSearch = (search: RawSearch): KeysSearch => ({
  show: oneOf(search, 'show', ['enabled', 'disabled'] as const),
  text: text(search, 'text'),
  sort: oneOf(search, 'sort', sortings),
  order: oneOf(search, 'order', ['desc'] as const),
  key: text(search, 'key'),
})
