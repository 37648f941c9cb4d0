import type { Model, Schemas, Status, Task } from '../api/types'
import type { Span, TasksSearch } from './search'

export type TaskFilter = NonNullable<Schemas['TaskFilter']>

/** The values of a parameter that can have several. */
export function several(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(',').filter((part) => part !== '')
}

const lengths: Record<Span, number> = { '1h': 3_600_000, '24h': 86_400_000, '7d': 7 * 86_400_000 }

/** What the gateway is asked for; what says "the last hour" means the hour before now. */
export function filterOf(search: TasksSearch, now: number): TaskFilter {
  const list = (value: string | undefined) => (value === undefined ? undefined : several(value))
  return withoutGaps({
    status: list(search.status) as Status[] | undefined,
    model: list(search.model),
    key: search.key,
    session: list(search.session),
    upstream: list(search.upstream),
    error_kind: list(search.error_kind),
    from: search.last ? new Date(now - lengths[search.last]).toISOString() : search.from,
    to: search.to,
    q: search.q,
  })
}

function withoutGaps(filter: TaskFilter): TaskFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

/** Whether a task that has just changed belongs into the list, as the gateway would say. */
export function matches(task: Task, filter: TaskFilter, models: readonly Model[]): boolean {
  const among = (values: readonly string[] | null | undefined, value: string | null) =>
    !values || (value !== null && values.includes(value))
  const created = Date.parse(task.created_at)
  return (
    among(filter.status, task.status) &&
    among(
      filter.model?.flatMap((name) => namesOf(name, models)),
      task.model,
    ) &&
    among(filter.key ? [filter.key] : null, task.key_id) &&
    among(filter.session, task.session_pool_id) &&
    among(filter.upstream, task.upstream) &&
    among(filter.error_kind, task.error_kind) &&
    (!filter.from || created >= Date.parse(filter.from)) &&
    (!filter.to || created < Date.parse(filter.to)) &&
    (!filter.q || contains(task, filter.q.toLowerCase()))
  )
}

function namesOf(name: string, models: readonly Model[]): string[] {
  const model = models.find(({ id, aliases }) => id === name || aliases.includes(name))
  return model ? [model.id, ...model.aliases] : [name]
}

function contains(task: Task, text: string): boolean {
  return [task.prompt, task.error_message, task.id].some((part) => part?.toLowerCase().includes(text))
}
