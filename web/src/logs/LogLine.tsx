import { memo, useState } from 'react'
import { Link } from '@tanstack/react-router'
import { Copy } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { LogEntry } from '../api/types'
import { useFormat } from '../i18n/format'
import { copyText } from '../ui/clipboard'
import { say } from '../ui/Toasts'
import { marked } from './hits'

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

/** How much of a line is shown before one asks for the rest, in characters. */
const shown = 1200

interface Props {
  entry: LogEntry
  /** Tells whose line it is, where several logs are shown together. */
  withSource?: boolean
  /** What is marked in it. */
  find?: RegExp | null
  /** It is the one that the address names. */
  isNamed?: boolean
  /** It has a link to its task; without, where all lines are of one. */
  leadsToTask?: boolean
  /** Shows the line among its neighbours. */
  onOpen?: (id: string) => void
}

/** One line of a log: when, how grave, what. */
export const LogLine = memo(function LogLine({
  entry,
  withSource = false,
  find = null,
  isNamed = false,
  leadsToTask = false,
  onOpen,
}: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const [isWhole, setWhole] = useState(false)
  if (entry.stream === 'marker') {
    return (
      <li className="my-1 flex items-center gap-3 text-2xs text-soft before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        <span className="max-w-[75%] text-center">
          {format.time(Date.parse(entry.time))} · {entry.text}
        </span>
      </li>
    )
  }
  const isLong = entry.text.length > shown
  const time = (
    <time dateTime={entry.time} title={entry.time}>
      {format.time(Date.parse(entry.time))}
    </time>
  )
  return (
    <li
      className={`group relative flex gap-x-3 rounded-sm px-1 leading-5 max-sm:flex-wrap ${isNamed ? 'bg-accent-wash' : 'hover:bg-hover'}`}
      data-level={entry.level ?? undefined}
      aria-current={isNamed || undefined}
    >
      {onOpen ? (
        <a
          href={`/logs?${new URLSearchParams({ source: entry.source, line: entry.id })}`}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return
            event.preventDefault()
            onOpen(entry.id)
          }}
          className="shrink-0 text-soft hover:underline"
        >
          {time}
        </a>
      ) : (
        <span className="shrink-0 text-soft">{time}</span>
      )}
      {withSource && <span className="w-24 shrink-0 truncate text-soft">{entry.source}</span>}
      <span className={`w-10 shrink-0 ${entry.level ? levels[entry.level] : 'text-soft'}`}>
        {entry.level ?? (entry.stream === 'stderr' ? 'stderr' : '')}
      </span>
      <span className="min-w-0 flex-1 break-words whitespace-pre-wrap max-sm:basis-full">
        {marked(isLong && !isWhole ? entry.text.slice(0, shown) : entry.text, find).map((piece, index) => {
          const look = `${piece.colour === null ? '' : (colours[piece.colour] ?? '')} ${piece.bold ? 'font-semibold' : ''}`
          return piece.isHit ? (
            <mark key={index} className="rounded-xs bg-amber-wash text-amber outline outline-amber/40">
              {piece.text}
            </mark>
          ) : (
            <span key={index} className={look}>
              {piece.text}
            </span>
          )
        })}
        {isLong && (
          <button
            type="button"
            onClick={() => setWhole(!isWhole)}
            className="ml-2 cursor-pointer text-accent underline"
          >
            {t(isWhole ? 'logs.less' : 'logs.whole')}
          </button>
        )}
        {!!entry.cut && (
          <span className="text-soft"> {t('logs.cut', { size: format.bytes(entry.cut) })}</span>
        )}
        {entry.task_id && leadsToTask && (
          <Link
            to="/tasks/$id"
            params={{ id: entry.task_id }}
            aria-label={`${t('logs.toTask')} ${entry.task_id}`}
            className="ml-2 whitespace-nowrap text-accent underline"
          >
            {t('logs.toTask')}
          </Link>
        )}
      </span>
      {onOpen && (
        <button
          type="button"
          aria-label={t('logs.copy')}
          onClick={() => {
            void copyText(entry.text).then((done) => done && say(t('action.copied')))
          }}
          className="absolute top-0 right-0 size-6 cursor-pointer place-items-center rounded-sm bg-raised text-soft opacity-0 grid group-hover:opacity-100 hover:text-ink focus-visible:opacity-100"
        >
          <Copy aria-hidden size={13} />
        </button>
      )}
    </li>
  )
})
