import type { Task } from '../api/types'
import type { TaskPages } from './queries'

/** What waits to be shown: tasks that came, or that have become what the filter looks for. */
export type Waiting = ReadonlyMap<string, Task>

/**
 * The pages with the tasks in their places, newest first. What is older than all
 * that was loaded comes with its own page.
 */
export function withNews(pages: TaskPages, waiting: Waiting): TaskPages {
  const known = new Set(pages.pages.flatMap(({ tasks }) => tasks.map(({ id }) => id)))
  const rest = [...waiting.values()].filter(({ id }) => !known.has(id)).sort(newestFirst)
  const filled = pages.pages.map((page, index) => {
    const isLast = index === pages.pages.length - 1
    const end = isLast ? (page.next === null ? '' : page.tasks.at(-1)?.id) : page.tasks.at(-1)?.id
    const mine: Task[] = []
    while (rest[0] && end !== undefined && rest[0].id > end) mine.push(rest.shift() as Task)
    return mine.length > 0 ? { ...page, tasks: [...mine, ...page.tasks].sort(newestFirst) } : page
  })
  return { ...pages, pages: filled }
}

/** Ids begin with the time. */
const newestFirst = (a: Task, b: Task) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
