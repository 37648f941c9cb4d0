import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ErrorNote } from '../ui/ErrorNote'
import { Moment } from '../ui/Moment'
import { peopleQuery } from './queries'

/** Everybody who has ever come through the provider. */
export function People() {
  const { t } = useTranslation()
  const { data: people, error, refetch } = useQuery(peopleQuery)
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />
  if (!people?.length) return null
  return (
    <section aria-label={t('signins.people')} className="mt-10">
      <h2 className="font-medium">{t('signins.people')}</h2>
      <p className="text-xs text-soft">{t('signins.peopleHint')}</p>
      <ul className="mt-3 text-sm">
        {people.map((person) => (
          <li key={person.id} className="flex flex-wrap gap-x-4 border-t border-line py-2">
            <span className="min-w-40 truncate font-medium" dir="auto">
              {person.name}
            </span>
            <span className="min-w-0 flex-1 truncate text-soft" dir="auto">
              {person.email}
            </span>
            <span className="text-soft">{person.role ?? t('signins.noRole')}</span>
            <Moment at={person.seen_at} className="text-soft" />
          </li>
        ))}
      </ul>
    </section>
  )
}
