import { useCallback, useLayoutEffect, useRef, useState } from 'react'
import { ArrowDown } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { LogLine } from './LogLine'
import { useLogTail, type TailItem } from './useLogTail'

/** How near to the end counts as being there, in pixels. */
const nearEnd = 24

/** The live end of a log. Scrolling up pauses it. */
export function LogTail({ query }: { query: string }) {
  const { t } = useTranslation()
  const format = useFormat()
  const box = useRef<HTMLDivElement>(null)
  const [reading, setReading] = useState(false)
  const { items, waiting, state, show } = useLogTail(query, reading)
  useLayoutEffect(() => {
    if (!reading && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [items, reading])
  const scrolled = useCallback(() => {
    if (!box.current) return
    const { scrollTop, scrollHeight, clientHeight } = box.current
    setReading(scrollHeight - scrollTop - clientHeight > nearEnd)
  }, [])
  const toEnd = () => {
    show()
    setReading(false)
  }
  return (
    <div className="relative">
      <div
        ref={box}
        onScroll={scrolled}
        role="log"
        aria-label={t('logs.title')}
        aria-live="off"
        // A region that scrolls has to be reached by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="h-[62dvh] min-h-60 overflow-auto overscroll-contain rounded-md bg-well p-2 font-mono text-2xs"
      >
        <ul>
          {items.map((item) => (
            <Item key={item.id} item={item} />
          ))}
        </ul>
        {items.length === 0 && state === 'live' && (
          <p className="p-4 font-sans text-sm text-soft">{t('logs.empty')}</p>
        )}
      </div>
      <p role="status" className="mt-2 flex items-center gap-2 text-xs text-soft">
        <span
          aria-hidden
          className={`size-2 rounded-full ${state === 'live' ? (reading ? 'bg-grey' : 'bg-green') : 'bg-amber'}`}
        />
        {state === 'live' ? t(reading ? 'logs.paused' : 'logs.live') : t(`logs.${state}`)}
      </p>
      {reading && (
        <Button look="primary" onPress={toEnd} className="absolute right-4 bottom-10">
          <ArrowDown aria-hidden size={15} />
          {waiting.length > 0
            ? t('logs.new', { count: waiting.length, formatted: format.number(waiting.length) })
            : t('logs.toEnd')}
        </Button>
      )}
    </div>
  )
}

function Item({ item }: { item: TailItem }) {
  const { t } = useTranslation()
  const format = useFormat()
  if (!('skipped' in item)) return <LogLine entry={item} />
  return (
    <li className="my-1 text-center text-2xs text-amber">
      {item.skipped === null
        ? t('logs.maybeSkipped')
        : t('logs.skipped', { count: item.skipped, formatted: format.number(item.skipped) })}
    </li>
  )
}
