import { useState } from 'react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button, buttonLook } from '../ui/Button'
import { Confirm, Dialog } from '../ui/Dialog'
import { useErrorText } from '../ui/ErrorNote'
import { Pick } from '../ui/Pick'
import { say } from '../ui/Toasts'
import { KeyForm } from './KeyForm'
import { actions, useChange } from './queries'
import { Secret } from './Secret'

interface Props {
  value: Schemas['Key']
  onClose: () => void
}

/** One key: its limits, and all that can be done with it. */
export function KeyPanel({ value, onClose }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const [asked, setAsked] = useState<'rotate' | 'remove' | null>(null)
  const [grace, setGrace] = useState('0')
  const { id, name, enabled } = value
  const save = useChange((change: Schemas['ChangeKeyRequest']) => actions.change(id, change))
  const change = useChange((change: Schemas['ChangeKeyRequest']) => actions.change(id, change))
  const rotate = useChange(() => actions.rotate(id, Number(grace)))
  const problem = useErrorText(change.error ?? rotate.error)

  if (rotate.data) return <Secret name={name} secret={rotate.data.key} onClose={rotate.reset} />

  return (
    <Dialog title={name} isOpen onClose={onClose} isWide>
      <div className="mt-1 text-sm">
        <p className="text-soft">
          <code className="font-mono text-xs">{value.key_prefix}…</code> · {t('keys.id')}{' '}
          <code className="font-mono text-xs">{id}</code>
        </p>
        <div className="mt-3 flex flex-wrap gap-2">
          <Button
            isBusy={change.isPending}
            onPress={() =>
              change.mutate(
                { enabled: !enabled },
                { onSuccess: () => say(t(enabled ? 'keys.done.disabled' : 'keys.done.enabled', { name })) },
              )
            }
          >
            {enabled ? t('keys.disable') : t('keys.enable')}
          </Button>
          <Button onPress={() => setAsked('rotate')}>{t('keys.rotate')}</Button>
          <Button onPress={() => setAsked('remove')}>{t('keys.remove')}</Button>
          <Link to="/tasks" search={{ key: id }} className={buttonLook('quiet')}>
            {t('keys.itsTasks')}
          </Link>
        </div>
        {value.old_key_until && (
          <p className="mt-2 flex flex-wrap items-center gap-2 text-amber">
            {t('keys.oldUntil', { when: format.dateTime(value.old_key_until) })}
            <Button onPress={() => change.mutate({ old_key_until: null } as object)}>
              {t('keys.endOld')}
            </Button>
          </p>
        )}
        {(change.isError || rotate.isError) && (
          <p role="alert" className="mt-2 text-red">
            {t('keys.failed', { message: problem })}
          </p>
        )}
        <KeyForm
          key={value.updated_at}
          value={value}
          action={t('action.save')}
          isBusy={save.isPending}
          error={save.error}
          onSubmit={(change) => save.mutate(change, { onSuccess: () => say(t('action.saved')) })}
        />
      </div>
      <Confirm
        title={t('keys.rotating.title', { name })}
        action={t('keys.rotate')}
        isOpen={asked === 'rotate'}
        onClose={() => setAsked(null)}
        onConfirm={() => rotate.mutateAsync(undefined)}
      >
        <p className="mb-3">{t('keys.rotating.text')}</p>
        <Pick
          label={t('keys.rotating.grace')}
          value={grace}
          onChange={setGrace}
          options={[
            { id: '0', content: t('keys.rotating.now') },
            { id: '3600', content: t('keys.rotating.hour') },
            { id: '86400', content: t('keys.rotating.day') },
            { id: '604800', content: t('keys.rotating.week') },
          ]}
        />
      </Confirm>
      <Confirm
        title={t('keys.removing.title', { name })}
        action={t('keys.removing.submit')}
        isOpen={asked === 'remove'}
        onClose={() => setAsked(null)}
        onConfirm={async () => {
          await actions.remove(id)
          say(t('keys.done.removed', { name }))
          onClose()
        }}
      >
        {t('keys.removing.text')}
      </Confirm>
    </Dialog>
  )
}
