import { useTranslation } from 'react-i18next'
import type { Status, Task } from '../api/types'
import { clock, parseEta } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { Clamped } from './Clamped'
import { Forecast } from './Forecast'
import { took } from './times'

const steps = ['queued', 'submitting', 'polling', 'downloading'] as const satisfies Status[]
type Step = (typeof steps)[number]
const words = {
  queued: 'waiting',
  submitting: 'sending',
  polling: 'generating',
  downloading: 'downloading',
} as const

/** How far a running task is. */
export function Progress({ task }: { task: Task }) {
  const { t } = useTranslation()
  const now = useNow()
  const step = steps.indexOf(task.status as Step)
  return (
    <div className="flex min-h-56 flex-col justify-between gap-8 rounded-xl bg-well p-6 sm:p-8 lg:min-h-100">
      <p className="line-clamp-4 max-w-prose text-sm text-soft" dir="auto">
        {task.prompt.slice(0, 1000)}
      </p>
      <div>
        <div className="flex items-end justify-between gap-6">
          <div>
            <div role="status">
              <p className="text-lg font-medium">{t(`task.${words[task.status as Step]}`)}</p>
              <UpstreamQueue task={task} />
            </div>
            <Forecast task={task} />
            {task.delay_reason && (
              <p className="mt-2 text-sm text-amber">
                {t('task.delayed')} <Clamped text={task.delay_reason} className="text-xs" />
              </p>
            )}
          </div>
          <p
            className="text-2xl font-light"
            aria-label={`${t('task.elapsed')}: ${clock(took(task, now))}`}
            role="timer"
          >
            {clock(took(task, now))}
          </p>
        </div>
        <ol aria-hidden className="mt-5 grid grid-cols-4 gap-1.5">
          {steps.map((name, index) => (
            <li
              key={name}
              className={`h-1 rounded-full ${index > step ? 'bg-line' : 'bg-blue'} ${index === step ? 'animate-breathe' : ''}`}
            />
          ))}
        </ol>
      </div>
    </div>
  )
}

function UpstreamQueue({ task }: { task: Task }) {
  const { t } = useTranslation()
  const { queue_position: position, queue_total: total, queue_eta: eta } = task
  const milliseconds = eta === null ? null : parseEta(eta)
  const parts = [
    position !== null &&
      (total === null ? t('task.place', { position }) : t('task.placeOf', { position, total })),
    eta && t('task.eta', { eta: milliseconds === null ? eta : clock(milliseconds) }),
  ].filter(Boolean)
  return parts.length > 0 && <p className="text-sm text-soft">{parts.join(' · ')}</p>
}
