import { statuses, type Status } from '../api/types'
import { oneOf, type RawSearch } from '../frame/search'

export const tasksSearch = (search: RawSearch): { status?: Status } => ({
  status: oneOf(search, 'status', statuses),
})
