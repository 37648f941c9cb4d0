import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { poolQuery } from '../api/queries'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { oldestWaitingQuery } from './queries'

/** The task that waits longest, and why it does not run. */
export function Waiting() {
  const { data: pool } = useQuery(poolQuery)
  const since = pool?.waiting.since
  return since ? <OldestWaiting since={since} /> : null
}

function OldestWaiting({ since }: { since: string }) {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow()
  const { data } = useQuery(oldestWaitingQuery(since))
  if (!data) return null
  const { task, why } = data
  return (
    <section aria-labelledby="waiting">
      <h2 id="waiting" className="mb-1 flex min-h-9 items-center text-sm font-semibold">
        {t('overview.waitingTitle')}
      </h2>
      <Link
        to="/tasks/$id"
        params={{ id: task.id }}
        dir="auto"
        className="line-clamp-2 text-sm break-words text-accent hover:underline"
      >
        {task.prompt.slice(0, 300) || task.id}
      </Link>
      <p className="mt-0.5 text-xs text-soft">
        {t('overview.waitingSince', { when: format.ago(task.created_at, now) })}
        {why.eta?.starts_at && ' · ' + t('overview.startsAt', { when: format.when(why.eta.starts_at, now) })}
      </p>
      <ul className="mt-1 text-sm">
        {why.reasons.map(({ code, detail }) => (
          <li key={code}>
            {t(`overview.reason.${code}`)}
            {detail && <span className="block text-xs break-words text-soft">{detail}</span>}
          </li>
        ))}
      </ul>
    </section>
  )
}
