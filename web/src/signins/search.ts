import { oneOf, type RawSearch } from '../frame/search'

/** Whose sign-ins are shown: one's own, or everybody's. */
export const signInsSearch = (search: RawSearch): { of?: 'all' } => ({ of: oneOf(search, 'of', ['all']) })
