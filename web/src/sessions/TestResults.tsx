import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { nameOf } from './state'

/** What a test has found: those that do not work, by name. */
export function TestResults({
  answer,
  onClose,
}: {
  answer: Schemas['ProbePoolAnswer']
  onClose: () => void
}) {
  const { t } = useTranslation()
  const bad = answer.results.filter(({ ok }) => !ok)
  const only = answer.results.length === 1 ? answer.results[0] : undefined
  return (
    <Dialog title={t('sessions.results.title')} isOpen onClose={onClose}>
      <div className="mt-2 text-sm">
        <p role="status">
          {t('sessions.results.works', { working: answer.working, count: answer.results.length })}
        </p>
        {only?.ok && <p className="mt-1 text-soft">{only.message}</p>}
        {bad.length > 0 && (
          <>
            <p className="mt-2">{t('sessions.results.works_bad')}</p>
            <ul
              // What scrolls has to be reached by keyboard.
              // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
              tabIndex={0}
              className="mt-1 max-h-80 overflow-y-auto"
            >
              {bad.map(({ session, message }) => (
                <li key={session?.id} className="border-b border-line py-1.5 break-words">
                  <bdi className="font-medium">{session && nameOf(session)}</bdi>{' '}
                  <span className="text-soft">{message}</span>
                </li>
              ))}
            </ul>
          </>
        )}
        <div className="mt-5 flex justify-end">
          <Button onPress={onClose}>{t('action.close')}</Button>
        </div>
      </div>
    </Dialog>
  )
}
