import type { Task } from '../api/types'

/** Milliseconds from a task's creation to its end, or to now. */
export function took(task: Task, now: number): number {
  return (task.finished_at ? Date.parse(task.finished_at) : now) - Date.parse(task.created_at)
}

/** Milliseconds that a task waited, or has been waiting, for a free slot. */
export function waited(task: Task, now: number): number {
  const until = task.started_at ?? task.finished_at
  return (until ? Date.parse(until) : now) - Date.parse(task.created_at)
}
