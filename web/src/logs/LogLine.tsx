import { memo } from 'react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { LogEntry } from '../api/types'
import { useFormat } from '../i18n/format'
import { pieces } from './ansi'

const levels = {
  debug: 'text-soft',
  info: 'text-soft',
  warn: 'text-amber',
  error: 'text-red',
} as const

/** The colours of a terminal in ours, all of them legible on both grounds. */
const colours = [
  'text-soft',
  'text-red',
  'text-green',
  'text-amber',
  'text-blue',
  'text-accent',
  'text-blue',
  undefined,
]

interface Props {
  entry: LogEntry
  /** Tells whose line it is, where several logs are shown together. */
  withSource?: boolean
}

/** One line of a log: when, how grave, what. */
export const LogLine = memo(function LogLine({ entry, withSource = false }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  if (entry.stream === 'marker') {
    return (
      <li className="my-1 flex items-center gap-3 text-2xs text-soft before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        <span className="max-w-[75%] text-center">
          {format.time(Date.parse(entry.time))} · {entry.text}
        </span>
      </li>
    )
  }
  return (
    <li
      className="flex gap-x-3 rounded-sm px-1 leading-5 hover:bg-hover max-sm:flex-wrap"
      data-level={entry.level ?? undefined}
    >
      <time dateTime={entry.time} title={entry.time} className="shrink-0 text-soft">
        {format.time(Date.parse(entry.time))}
      </time>
      {withSource && <span className="w-24 shrink-0 truncate text-soft">{entry.source}</span>}
      <span className={`w-10 shrink-0 ${entry.level ? levels[entry.level] : 'text-soft'}`}>
        {entry.level ?? (entry.stream === 'stderr' ? 'stderr' : '')}
      </span>
      <span className="min-w-0 flex-1 break-words whitespace-pre-wrap max-sm:basis-full">
        {pieces(entry.text).map((piece, index) => (
          <span
            key={index}
            className={`${piece.colour === null ? '' : (colours[piece.colour] ?? '')} ${piece.bold ? 'font-semibold' : ''}`}
          >
            {piece.text}
          </span>
        ))}
        {!!entry.cut && (
          <span className="text-soft"> {t('logs.cut', { size: format.bytes(entry.cut) })}</span>
        )}
        {entry.task_id && !withSource && (
          <Link to="/tasks/$id" params={{ id: entry.task_id }} className="ml-2 text-accent underline">
            {t('logs.toTask')}
          </Link>
        )}
      </span>
    </li>
  )
})
