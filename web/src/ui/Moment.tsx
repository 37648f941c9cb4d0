import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'

interface Props {
  /** RFC 3339; nothing is shown for null. */
  at: string | null | undefined
  className?: string
}

/** A time as one says it, exact on hover. */
export function Moment({ at, className }: Props) {
  const format = useFormat()
  const now = useNow()
  if (!at) return null
  return (
    <time dateTime={at} title={format.exact(at)} className={className}>
      {format.when(at, now)}
    </time>
  )
}
