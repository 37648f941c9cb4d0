import { gatewayNow } from '../api/http'
import type { Schemas } from '../api/types'
import { filterOf, type TaskFilter } from './filter'
import { bulk, type BulkAction } from './queries'
import type { TasksSearch } from './search'
import type { Selection } from './useSelection'

type Answer = Schemas['BulkAnswer']
export type Outcome = Pick<
  Answer,
  'matched' | 'running' | 'done' | 'skipped' | 'failed' | 'failures' | 'more'
>

/** How many tasks one request can name. */
const mostIds = 500

/**
 * What is chosen, as the gateway takes it. Everything that matches is what matches
 * now: what comes while one reads the question is not meant.
 */
export function targets(selection: Selection, search: TasksSearch): TaskFilter[] {
  if (selection.all) {
    const now = gatewayNow()
    const filter = filterOf(search, now)
    return [{ ...filter, to: filter.to ?? new Date(now).toISOString() }]
  }
  const ids = [...selection.ids]
  const filters: TaskFilter[] = []
  for (let at = 0; at < ids.length; at += mostIds) filters.push({ ids: ids.slice(at, at + mostIds) })
  return filters
}

/** Without a status the gateway sends the failed ones again; who has chosen rows means these. */
function meant(action: BulkAction, filter: TaskFilter): TaskFilter {
  return action === 'retry' && filter.ids
    ? { ...filter, status: ['succeeded', 'failed', 'cancelled'] }
    : filter
}

/** How many tasks the action is possible for. */
export async function tryOut(action: BulkAction, filters: TaskFilter[]): Promise<Outcome> {
  let sum = nothing
  for (const filter of filters) sum = added(sum, await bulk(action, meant(action, filter), true))
  return sum
}

/** Does it, in as many requests as it takes; tells how far it has come. */
export async function run(
  action: BulkAction,
  filters: TaskFilter[],
  onProgress: (sum: Outcome) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  let sum = nothing
  for (const filter of filters) {
    for (let more = true; more && !signal.aborted;) {
      const answer = await bulk(action, meant(action, filter), false)
      sum = added(sum, answer)
      onProgress(sum)
      more = answer.more && answer.done > 0 // those that fail would come again
    }
  }
  return sum
}

const nothing: Outcome = { matched: 0, running: 0, done: 0, skipped: 0, failed: 0, failures: [], more: false }

function added(sum: Outcome, answer: Answer): Outcome {
  return {
    matched: sum.matched + answer.matched,
    running: sum.running + answer.running,
    done: sum.done + answer.done,
    skipped: sum.skipped + answer.skipped,
    failed: sum.failed + answer.failed,
    failures: [...sum.failures, ...answer.failures],
    more: sum.more || answer.more,
  }
}
