import { text, type RawSearch } from '../frame/search'

/** The task whose result is shown. */
export const playgroundSearch = (search: RawSearch): { task?: string } => ({ task: text(search, 'task') })
