import { useCallback, useRef } from 'react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useTaskEvents } from '../api/live'
import type { Schemas, Task } from '../api/types'
import { clock, useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { explainQuery } from './taskQueries'

/** How old a forecast may be while other tasks come and go, in milliseconds. */
const stale = 3000

/** Where a task stands in the gateway's queue, why it waits, and when it is probably done. */
export function Forecast({ task }: { task: Task }) {
  const { t } = useTranslation()
  const { data } = useQuery(explainQuery(task.id))
  useOthers(task.id)
  if (!data) return null
  const isQueued = task.status === 'queued'
  return (
    <>
      {isQueued && data.place && <PlaceWords place={data.place} />}
      {data.eta && <EtaWords eta={data.eta} />}
      {isQueued && data.reasons.length > 0 && (
        <div className="mt-4 text-sm">
          <p className="text-xs text-soft">{t('task.whyWaits')}</p>
          <ul className="mt-0.5">
            {data.reasons.map((reason) => (
              <li key={reason.code}>
                <span className="inline-block first-letter:uppercase">{t(`reason.${reason.code}`)}</span>
                {reason.detail && (
                  <span className="block max-w-prose text-xs text-soft">{reason.detail}</span>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  )
}

/** What becomes of other tasks moves this one forward. */
function useOthers(id: string) {
  const client = useQueryClient()
  const askedAt = useRef(0)
  useTaskEvents(
    useCallback(() => {
      if (Date.now() - askedAt.current < stale) return
      askedAt.current = Date.now()
      void client.invalidateQueries({ queryKey: explainQuery(id).queryKey })
    }, [client, id]),
  )
}

function PlaceWords({ place }: { place: Schemas['Place'] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const number = format.number
  return (
    <p className="text-sm text-soft">
      {t(place.at_least ? 'task.ownPlaceAtLeast' : 'task.ownPlace', {
        place: number(place.in_queue),
        of: number(place.of_queue),
      })}
      {place.of_key !== place.of_queue &&
        ` · ${t('task.keyPlace', { place: number(place.in_key), of: number(place.of_key) })}`}
    </p>
  )
}

function EtaWords({ eta }: { eta: Schemas['Eta'] }) {
  const { t } = useTranslation()
  const now = useNow()
  const left = (at: string) => clock(Date.parse(at) - now)
  const confidence = eta.confidence as 'high' | 'medium' | 'low' | null
  if (!eta.finishes_at) return eta.reason && <p className="text-sm text-soft">{t('task.noEta')}</p>
  const isOverdue = Date.parse(eta.finishes_at) <= now
  return (
    <p className="text-sm text-soft first-letter:uppercase">
      {eta.starts_at && Date.parse(eta.starts_at) > now && (
        <>{t('task.startsIn', { time: left(eta.starts_at) })} · </>
      )}
      {isOverdue ? t('task.overdue') : t('task.doneIn', { time: left(eta.finishes_at) })}
      {eta.earliest && eta.latest && Date.parse(eta.latest) > now && (
        <> {t('task.range', { earliest: left(eta.earliest), latest: left(eta.latest) })}</>
      )}
      {confidence && ` · ${t(`task.confidence.${confidence}`)}`}
    </p>
  )
}
