import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from 'react'
import { useNavigate } from '@tanstack/react-router'
import { ArrowDown, Eraser } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { say } from '../ui/Toasts'
import { LogLine } from './LogLine'
import { olderLines } from './queries'
import { mostRead, useLogTail, type TailItem } from './useLogTail'

/** How near to the end counts as being there, in pixels. */
const nearEnd = 24

/** How near to the beginning older lines are asked for, in pixels. */
const nearBeginning = 200

interface Props {
  source: string
  filter: URLSearchParams
  find: RegExp | null
}

/** The live end of a log. Scrolling up pauses it and reads backwards. */
export function LogTail({ source, filter, find }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const navigate = useNavigate({ from: '/logs' })
  const box = useRef<HTMLDivElement>(null)
  const [reading, setReading] = useState(false)
  const { items, waiting, state, show, clear, restore, prepend } = useLogTail(`${filter}&lines=500`, reading)
  const backwards = useBackwards(box, filter, items, prepend)
  useLayoutEffect(() => {
    if (!reading && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [items, reading])
  const scrolled = () => {
    if (!box.current) return
    const { scrollTop, scrollHeight, clientHeight } = box.current
    const isReading = scrollHeight - scrollTop - clientHeight > nearEnd
    setReading(isReading)
    if (isReading && scrollTop < nearBeginning) backwards.load()
  }
  const open = useCallback(
    (line: string) => void navigate({ search: (before) => ({ ...before, source, line }) }),
    [navigate, source],
  )
  const wipe = () => {
    clear()
    setReading(false)
    say(t('logs.cleared'), restore)
  }
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
        className="h-[62dvh] min-h-60 overflow-auto [overflow-anchor:none] overscroll-contain rounded-md bg-well p-2 font-mono text-2xs"
      >
        {backwards.note && <p className="py-1 text-center text-soft">{backwards.note}</p>}
        <ul>
          {items.map((item) => (
            <Item key={item.id} item={item} find={find} onOpen={open} />
          ))}
        </ul>
        {items.length === 0 && state === 'live' && (
          <p className="p-4 font-sans text-sm text-soft">{t('logs.empty')}</p>
        )}
      </div>
      <div className="mt-1 flex items-center gap-2">
        <p role="status" className="mr-auto flex items-center gap-2 text-xs text-soft">
          <span
            aria-hidden
            className={`size-2 rounded-full ${state === 'live' ? (reading ? 'bg-grey' : 'bg-green') : 'bg-amber'}`}
          />
          {state === 'live' ? t(reading ? 'logs.paused' : 'logs.live') : t(`logs.${state}`)}
        </p>
        <Button look="quiet" isDisabled={items.length === 0} onPress={wipe}>
          <Eraser aria-hidden size={15} />
          {t('logs.clear')}
        </Button>
      </div>
      {reading && (
        <Button look="primary" onPress={toEnd} className="absolute right-4 bottom-12">
          <ArrowDown aria-hidden size={15} />
          {waiting.length > 0
            ? t('logs.new', { count: waiting.length, formatted: format.number(waiting.length) })
            : t('logs.toEnd')}
        </Button>
      )}
    </div>
  )
}

/** Reads what stands before the first line, and keeps what is in sight where it is. */
function useBackwards(
  box: RefObject<HTMLDivElement | null>,
  filter: URLSearchParams,
  items: TailItem[],
  prepend: (items: TailItem[]) => void,
) {
  const { t } = useTranslation()
  const [state, setState] = useState<'ready' | 'loading' | 'end' | 'failed'>('ready')
  const height = useRef<number | null>(null)
  useLayoutEffect(() => {
    if (height.current === null || !box.current) return
    box.current.scrollBy(0, box.current.scrollHeight - height.current)
    height.current = null
  }, [box, items])
  const load = () => {
    const first = items.find((item) => !('skipped' in item))
    if (state !== 'ready' || !first) return
    if (items.length >= mostRead) {
      setState('end')
      return
    }
    setState('loading')
    olderLines(filter, first.id).then(
      ({ entries, more }) => {
        height.current = box.current?.scrollHeight ?? null
        prepend(entries)
        setState(more && entries.length > 0 ? 'ready' : 'end')
      },
      () => setState('failed'),
    )
  }
  const notes = {
    ready: '',
    loading: t('logs.loadingOlder'),
    end: t('logs.beginning'),
    failed: t('logs.noOlder'),
  }
  return { load, note: notes[state] }
}

interface ItemProps {
  item: TailItem
  find: RegExp | null
  onOpen: (id: string) => void
}

function Item({ item, find, onOpen }: ItemProps) {
  const { t } = useTranslation()
  const format = useFormat()
  if (!('skipped' in item)) return <LogLine entry={item} find={find} onOpen={onOpen} />
  return (
    <li className="my-1 text-center text-2xs text-amber">
      {item.skipped === null
        ? t('logs.maybeSkipped')
        : t('logs.skipped', { count: item.skipped, formatted: format.number(item.skipped) })}
    </li>
  )
}
