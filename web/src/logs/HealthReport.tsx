import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { healthQuery } from '../api/queries'
import type { Component, ComponentState } from '../api/types'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'

const colours: Record<ComponentState, string> = {
  ok: 'text-green',
  degraded: 'text-amber',
  down: 'text-red',
  off: 'text-grey',
}

/** What is not as it should be and what to do about it; one line when all is well. */
export function HealthReport() {
  const { t } = useTranslation()
  const { data: health } = useQuery(healthQuery)
  const now = useNow(!!health)
  if (!health) return null
  const ill = health.components?.filter(({ state }) => state === 'degraded' || state === 'down') ?? []
  return (
    <section aria-label={t('health.label')} className="mb-5 text-sm">
      {ill.length === 0 && health.ok ? (
        <p className="text-soft">
          <Dot state="ok" /> {t('health.well')}
        </p>
      ) : (
        <ul className="flex flex-col gap-2">
          {ill.map((component) => (
            <Ill key={component.name} component={component} now={now} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Ill({
  component: { name, state, since, reason, advice },
  now,
}: {
  component: Component
  now: number
}) {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <li>
      <p className="font-medium">
        <Dot state={state} /> {name}
        <span className="font-normal text-soft">
          {' · '}
          {t(`health.${state}`)}
          {since && (
            <>
              {' · '}
              <time dateTime={since} title={since}>
                {format.ago(since, now)}
              </time>
            </>
          )}
        </span>
      </p>
      {(reason || advice) && (
        <p className="pl-4 text-soft">
          {reason} {advice}
        </p>
      )}
    </li>
  )
}

function Dot({ state }: { state: ComponentState }) {
  return (
    <svg aria-hidden width="10" height="10" viewBox="0 0 10 10" className={`mr-0.5 inline ${colours[state]}`}>
      <circle cx="5" cy="5" r="4" fill="currentColor" />
    </svg>
  )
}
