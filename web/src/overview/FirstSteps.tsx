import { useSuspenseQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Check } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { may } from '../api/types'

/** What there is to do before the first task can run. */
export function FirstSteps({ hasSession }: { hasSession: boolean }) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const admin = may(me, 'admin')
  const steps = [
    { step: 'session', to: '/sessions', mine: admin, done: hasSession },
    { step: 'key', to: '/keys', mine: admin, done: false },
    { step: 'prompt', to: '/playground', mine: may(me, 'video:create'), done: false },
  ] as const
  return (
    <section aria-labelledby="first" className="mt-8 max-w-xl">
      <h2 id="first" className="text-sm font-semibold">
        {t('overview.first.title')}
      </h2>
      <ol className="mt-2 flex flex-col gap-4">
        {steps.map(({ step, to, mine, done }, i) => (
          <li key={step} className="flex gap-3">
            <span
              aria-hidden
              className="flex size-6 shrink-0 items-center justify-center rounded-full bg-well text-xs text-soft"
            >
              {done ? <Check size={14} className="text-green" /> : i + 1}
            </span>
            <div className="min-w-0 text-sm">
              {mine ? (
                <Link to={to} className="font-medium text-accent hover:underline">
                  {t(`overview.first.${step}`)}
                </Link>
              ) : (
                <span className="font-medium">{t(`overview.first.${step}`)}</span>
              )}
              {done && <span className="text-xs text-green"> · {t('overview.first.done')}</span>}
              <p className="text-soft">
                {t(`overview.first.${step}Hint`)} {!mine && t('overview.first.ask')}
              </p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  )
}
