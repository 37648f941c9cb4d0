import { useState } from 'react'
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { RotateCcw, Trash2, X } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { keys, meQuery } from '../api/queries'
import { may } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { useErrorText } from '../ui/ErrorNote'
import { say } from '../ui/Toasts'
import { targets, tryOut, type Outcome } from './bulk'
import { BulkConfirm, type Plan } from './BulkConfirm'
import { Failures } from './Failures'
import type { BulkAction } from './queries'
import type { TasksSearch } from './search'
import type { SelectionState } from './useSelection'

const actions = [
  { id: 'cancel', scope: 'task:cancel', icon: X },
  { id: 'retry', scope: 'task:retry', icon: RotateCcw },
  { id: 'delete', scope: 'task:delete', icon: Trash2 },
] as const

/** The actions on many tasks that the caller may use. */
export function useBulkActions() {
  const { data: me } = useSuspenseQuery(meQuery)
  return actions.filter(({ scope }) => may(me, scope))
}

interface Props {
  search: TasksSearch
  selection: SelectionState
  /** How many the filter chooses, undefined while nobody knows. */
  total: number | undefined
}

/** What is chosen and what can be done with it; it comes from below when something is. */
export function BulkBar({ search, selection, total }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const client = useQueryClient()
  const offered = useBulkActions()
  const [plan, setPlan] = useState<Plan | null>(null)
  const [asks, setAsks] = useState(false)
  const [failures, setFailures] = useState<Outcome['failures']>([])
  const [error, setError] = useState<unknown>(null)
  const problem = useErrorText(error)
  const { all } = selection.selection
  const count = all ? total : selection.count

  const ask = async (action: BulkAction) => {
    const filters = targets(selection.selection, search)
    setAsks(true)
    setError(null)
    try {
      setPlan({ action, filters, expected: await tryOut(action, filters), chosen: count })
    } catch (error) {
      setError(error)
    } finally {
      setAsks(false)
    }
  }
  const finish = (action: BulkAction, outcome: Outcome) => {
    const parts = [
      t(`tasks.bulk.${action}.done`, { count: outcome.done, formatted: format.number(outcome.done) }),
      outcome.skipped > 0 && t('tasks.bulk.skipped', { formatted: format.number(outcome.skipped) }),
      outcome.failed > 0 && t('tasks.bulk.failed', { formatted: format.number(outcome.failed) }),
    ]
    say(parts.filter(Boolean).join(' · '))
    setFailures(outcome.failures)
    selection.clear()
    void client.invalidateQueries({ queryKey: keys.stats })
    // Whole pages may be gone, and what comes after them is not loaded yet.
    if (action === 'delete') void client.invalidateQueries({ queryKey: keys.taskLists })
  }
  return (
    <>
      {(all || selection.count > 0) && (
        <div
          role="region"
          aria-label={t('tasks.bulk.label')}
          className="sticky bottom-4 z-2 mt-3 flex w-fit max-w-full flex-wrap items-center gap-x-1 gap-y-1 rounded-xl border border-line bg-raised px-2 py-1.5 text-sm shadow-lg shadow-black/10 max-sm:bottom-18"
        >
          <span role="status" className="px-2 font-medium whitespace-nowrap">
            {all && count === undefined
              ? t('tasks.bulk.allChosen')
              : t('tasks.bulk.chosen', { formatted: format.number(count ?? 0) })}
          </span>
          {!all && total !== undefined && total > selection.count && (
            <Button look="quiet" className="text-accent" onPress={selection.selectAll}>
              {t('tasks.bulk.all', { formatted: format.number(total) })}
            </Button>
          )}
          {offered.map(({ id, icon: Icon }) => (
            <Button key={id} look="quiet" isBusy={asks} onPress={() => void ask(id)}>
              <Icon aria-hidden size={15} />
              {t(`tasks.bulk.${id}.word`)}
            </Button>
          ))}
          <Button look="quiet" aria-label={t('tasks.bulk.none')} onPress={selection.clear}>
            <X aria-hidden size={15} />
          </Button>
          {error !== null && (
            <p role="alert" className="w-full px-2 pb-1 text-red">
              {t('task.actionFailed', { message: problem })}
            </p>
          )}
        </div>
      )}
      {plan && <BulkConfirm plan={plan} onClose={() => setPlan(null)} onDone={finish} />}
      <Failures failures={failures} onClose={() => setFailures([])} />
    </>
  )
}
