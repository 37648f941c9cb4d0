import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'
import { Clamped } from './Clamped'

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
      {failed && task.money && <p className="mt-1 text-sm">{t(`task.money.${task.money}`)}</p>}
      {task.error_message && (
        <>
          <p className="mt-6 text-xs text-soft">{t('task.upstreamSays')}</p>
          <blockquote className="mt-1 leading-relaxed">
            <Clamped text={task.error_message} className="font-mono text-xs" />
          </blockquote>
        </>
      )}
      <p className="mt-6 line-clamp-3 max-w-prose text-sm text-soft" dir="auto">
        {task.prompt.slice(0, 1000)}
      </p>
    </div>
  )
}
