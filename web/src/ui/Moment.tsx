import { useFormat } from '../i18n/format'
import { useTimeText } from '../i18n/useNow'

interface Props {
  /** RFC 3339; nothing is shown for null. */
  at: string | null | undefined
  className?: string
}

/** A time as one says it, exact on hover. */
export function Moment({ at, className }: Props) {
  const format = useFormat()
  const text = useTimeText((now) => (at ? format.when(at, now) : ''))
  if (!at) return null
  return (
    <time dateTime={at} title={format.exact(at)} className={className}>
      {text}
    </time>
  )
}
