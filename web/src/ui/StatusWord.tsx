import { useTranslation } from 'react-i18next'
import { hasEnded, type Status } from '../api/types'

const colours: Record<Status, string> = {
  queued: 'text-grey',
  submitting: 'text-blue',
  polling: 'text-blue',
  downloading: 'text-blue',
  succeeded: 'text-green',
  failed: 'text-red',
  cancelled: 'text-grey',
}

interface Props {
  status: Status
  /** Nobody can tell whether the upstream accepted it. */
  inDoubt?: boolean
}

/** A dot and the word; the colour is never the only sign. */
export function StatusWord({ status, inDoubt = false }: Props) {
  const { t } = useTranslation()
  return (
    <span
      data-status={status}
      className={`inline-flex items-center gap-1.5 whitespace-nowrap ${inDoubt ? 'text-amber' : colours[status]}`}
    >
      <Dot status={status} />
      {t(`status.${status}`)}
      {inDoubt && ' ?'}
    </span>
  )
}

function Dot({ status }: { status: Status }) {
  const moves = !hasEnded(status) && status !== 'queued'
  return (
    <svg
      aria-hidden
      width="10"
      height="10"
      viewBox="0 0 10 10"
      className={`shrink-0 ${moves ? 'animate-breathe' : ''}`}
    >
      {status === 'queued' || status === 'cancelled' ? (
        <circle cx="5" cy="5" r="3.25" fill="none" stroke="currentColor" strokeWidth="1.5" />
      ) : (
        <circle cx="5" cy="5" r="4" fill="currentColor" />
      )}
      {status === 'cancelled' && <path d="M1 9 9 1" stroke="currentColor" strokeWidth="1.5" />}
    </svg>
  )
}
