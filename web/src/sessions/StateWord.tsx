import { useTranslation } from 'react-i18next'
import { clock } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { isOnTrial, type Session, type State } from './state'

export const stateColours: Record<State, string> = {
  ready: 'text-green',
  cooling: 'text-amber',
  exhausted: 'text-violet',
  dead: 'text-red',
  disabled: 'text-grey',
}

/** A dot, the word, and the time that is left of a pause. */
export function StateWord({ session }: { session: Session }) {
  const { t } = useTranslation()
  const { state, until } = session
  const onTrial = isOnTrial(session)
  const left = until && !onTrial && state !== 'disabled' ? until : null
  return (
    <span
      data-state={state}
      className={`inline-flex items-center gap-1.5 whitespace-nowrap ${stateColours[state]}`}
    >
      <StateDot state={state} />
      {onTrial ? t('sessions.onTrial') : t(`sessions.state.${state}`)}
      {left && <Left until={left} />}
    </span>
  )
}

function Left({ until }: { until: string }) {
  return <span className="text-soft">{clock(Date.parse(until) - useNow())}</span>
}

export function StateDot({ state }: { state: State }) {
  return (
    <svg aria-hidden width="10" height="10" viewBox="0 0 10 10" className={`shrink-0 ${stateColours[state]}`}>
      {state === 'disabled' ? (
        <circle cx="5" cy="5" r="3.25" fill="none" stroke="currentColor" strokeWidth="1.5" />
      ) : (
        <circle cx="5" cy="5" r="4" fill="currentColor" />
      )}
    </svg>
  )
}
