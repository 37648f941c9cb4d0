import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'

/** Why there is no result, in plain words and in the upstream's own. */
export function Failure({ task }: { task: Task }) {
  const { t } = useTranslation()
  const kind = task.error_kind ?? 'unknown'
  const failed = task.status === 'failed'
  const doubt = kind === 'in_doubt'
  const wash = !failed ? 'bg-well' : doubt ? 'bg-amber-wash' : 'bg-red-wash'
  return (
    <div role="status" className={`rounded-xl p-6 sm:p-8 ${wash}`}>
      <p className="text-lg font-medium">
        {failed ? t(`errorKind.${kind}`, t('errorKind.unknown')) : t('task.cancelled')}
      </p>
      <p className="mt-1 max-w-prose text-sm">
        {failed ? t(`errorAdvice.${kind}`, '') : task.money && t(`task.money.${task.money}`)}
      </p>
      {task.error_message && (
        <>
          <p className="mt-6 text-xs text-soft">{t('task.upstreamSays')}</p>
          <blockquote
            // A long message scrolls, so it has to take the focus.
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
            tabIndex={0}
            dir="auto"
            className="mt-1 max-h-60 overflow-auto font-mono text-xs leading-relaxed break-words whitespace-pre-wrap"
          >
            {task.error_message}
          </blockquote>
        </>
      )}
      <p className="mt-6 line-clamp-3 max-w-prose text-sm text-soft" dir="auto">
        {task.prompt.slice(0, 1000)}
      </p>
    </div>
  )
}
