type Filter = Partial<
  Record<'status' | 'error_kind' | 'model' | 'key' | 'session' | 'upstream' | 'from' | 'to', string>
>

/** Where the tasks of a filter are. The page of the tasks reads it by itself. */
export function tasksLink(filter: Filter) {
  return { to: '/tasks', search: filter as Record<string, never> } as const
}
