import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'

/** How much of a text is shown before somebody asks for all of it, in characters. */
const most = 600

/** Words of others, however long: the beginning, and all on demand. */
export function Clamped({ text, className = '' }: { text: string; className?: string }) {
  const { t } = useTranslation()
  const format = useFormat()
  const [isWhole, setWhole] = useState(false)
  const isLong = text.length > most
  return (
    <>
      <span
        dir="auto"
        className={`block max-h-[28rem] overflow-auto break-words whitespace-pre-wrap ${className}`}
        // What scrolls has to be reached by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={isWhole ? 0 : undefined}
      >
        {isLong && !isWhole ? `${text.slice(0, most)}…` : text}
      </span>
      {isLong && (
        <button
          type="button"
          aria-expanded={isWhole}
          onClick={() => setWhole(!isWhole)}
          className="target cursor-pointer text-xs text-accent hover:underline"
        >
          {isWhole ? t('task.showLess') : t('task.showAll', { formatted: format.number(text.length) })}
        </button>
      )}
    </>
  )
}
