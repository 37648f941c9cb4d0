import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { Confirm, Dialog } from '../ui/Dialog'
import { run, type Outcome } from './bulk'
import type { TaskFilter } from './filter'
import type { BulkAction } from './queries'

export interface Plan {
  action: BulkAction
  filters: TaskFilter[]
  /** What the gateway would do. */
  expected: Outcome
  /** How many are chosen, whether the action is possible for them or not. */
  chosen: number | undefined
}

interface Props {
  plan: Plan
  onClose: () => void
  onDone: (action: BulkAction, outcome: Outcome) => void
}

/** Says how many it will be, does it, and shows how far it has come. Closing it stops after the request that is under way. */
export function BulkConfirm({ plan: { action, filters, expected, chosen }, onClose, onDone }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const [stop] = useState(() => new AbortController())
  const [progress, setProgress] = useState<Outcome | null>(null)
  useEffect(() => () => stop.abort(), [stop])
  const formatted = format.number(expected.matched) + (expected.more ? '+' : '')
  const rest = (chosen ?? 0) - expected.matched
  const title = t(`tasks.bulk.${action}.many`, { count: expected.matched, formatted })
  if (expected.matched === 0) {
    return (
      <Dialog title={t(`tasks.bulk.${action}.none`)} isOpen onClose={onClose}>
        <p className="mt-2 text-sm text-soft">{t(`tasks.bulk.${action}.why`)}</p>
        <div className="mt-5 flex justify-end">
          <Button onPress={onClose}>{t('action.back')}</Button>
        </div>
      </Dialog>
    )
  }
  return (
    <Confirm
      title={`${title}?`}
      action={title}
      isOpen
      onClose={onClose}
      onConfirm={async () => onDone(action, await run(action, filters, setProgress, stop.signal))}
    >
      <p>{t(`tasks.bulk.${action}.what`)}</p>
      {action === 'cancel' && expected.running > 0 && (
        <p className="mt-2">
          {t('tasks.bulk.running', { count: expected.running, formatted: format.number(expected.running) })}
        </p>
      )}
      {rest > 0 && !expected.more && (
        <p className="mt-2">
          {t(`tasks.bulk.${action}.rest`, { count: rest, formatted: format.number(rest) })}
        </p>
      )}
      {progress && (
        <p role="status" className="mt-2 text-ink">
          {t('tasks.bulk.progress', { done: format.number(progress.done), all: formatted })}
        </p>
      )}
    </Confirm>
  )
}
