import type { TasksSearch } from '../tasks/search'

/** Where the tasks of a filter are. */
export function tasksLink(search: TasksSearch) {
  return { to: '/tasks', search } as const
}
