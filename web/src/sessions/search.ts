import { oneOf, text, type RawSearch } from '../frame/search'
import { states, type State } from './state'

export const sortings = ['label', 'state', 'running', 'credits', 'success', 'used'] as const
export type Sorting = (typeof sortings)[number]

export interface SessionsSearch {
  state?: State
  upstream?: string
  text?: string
  sort?: Sorting
  order?: 'desc'
  /** The session that is open. */
  session?: string
}

export const sessionsSearch = (search: RawSearch): SessionsSearch => ({
  state: oneOf(search, 'state', states),
  upstream: text(search, 'upstream'),
  text: text(search, 'text'),
  sort: oneOf(search, 'sort', sortings),
  order: oneOf(search, 'order', ['desc'] as const),
  session: text(search, 'session'),
})
