import { useState } from 'react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'

interface Props {
  failures: Schemas['BulkFailure'][]
  onClose: () => void
}

/** For which tasks an action did not work, and why. */
export function Failures({ failures, onClose }: Props) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  if (failures.length === 0) return null
  return (
    <div role="alert" className="mt-3 flex items-center gap-2 text-sm">
      <span>{t('tasks.bulk.notAll', { count: failures.length })}</span>
      <Button onPress={() => setOpen(true)}>{t('tasks.bulk.showFailed')}</Button>
      <Button look="quiet" onPress={onClose}>
        {t('action.close')}
      </Button>
      <Dialog
        title={t('tasks.bulk.notAll', { count: failures.length })}
        isOpen={open}
        onClose={() => setOpen(false)}
        isWide
      >
        <ul className="mt-3 max-h-96 overflow-y-auto text-sm">
          {failures.map(({ id, message }) => (
            <li key={id} className="py-1.5">
              <Link
                to="/tasks/$id"
                params={{ id }}
                className="font-mono text-2xs text-accent hover:underline"
              >
                {id}
              </Link>
              <p className="line-clamp-3 text-soft" dir="auto">
                {message.slice(0, 1000)}
              </p>
            </li>
          ))}
        </ul>
      </Dialog>
    </div>
  )
}
