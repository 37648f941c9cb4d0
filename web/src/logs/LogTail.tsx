import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from 'react'
import { useNavigate } from '@tanstack/react-router'
import { ArrowDown, Eraser } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { say } from '../ui/Toasts'
import { LogLine } from './LogLine'
import { olderLines } from './queries'
import { mostLines, mostRead, useLogTail, type Tail, type TailAction, type TailItem } from './useLogTail'

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
  const navigate = useNavigate({ from: '/logs' })
  const box = useRef<HTMLDivElement>(null)
  const { tail, act } = useLogTail(`${filter}&lines=500`)
  const { items, waiting, isReading, state } = tail
  const backwards = useBackwards(box, filter, tail, act)
  useLayoutEffect(() => {
    if (!isReading && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [items, isReading])
  const scrolled = () => {
    if (!box.current) return
    const { scrollTop, scrollHeight, clientHeight } = box.current
    if (scrollHeight - scrollTop - clientHeight <= nearEnd) return act({ type: 'reachEnd' })
    act({ type: 'read' })
    if (scrollTop < nearBeginning) backwards.load()
  }
  const open = useCallback(
    (line: string) => void navigate({ search: (before) => ({ ...before, source, line }) }),
    [navigate, source],
  )
  const clear = () => {
    act({ type: 'clear' })
    say(t('logs.cleared'), () => act({ type: 'restore' }))
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
        {backwards.note && <p className="py-1 text-center font-sans text-soft">{backwards.note}</p>}
        <ul>
          {items.map((item) => (
            <Item key={item.id} item={item} find={find} leadsToTask={!filter.has('task')} onOpen={open} />
          ))}
        </ul>
        {items.length === 0 && state === 'live' && (
          <p className="p-4 font-sans text-sm text-soft">{t('logs.empty')}</p>
        )}
      </div>
      <div className="mt-1 flex items-center gap-2">
        <LiveState state={state} isReading={isReading} />
        <Button look="quiet" isDisabled={items.length === 0} onPress={clear}>
          <Eraser aria-hidden size={15} />
          {t('logs.clear')}
        </Button>
      </div>
      {isReading && <ToEnd count={waiting.length} onPress={() => act({ type: 'follow' })} />}
    </div>
  )
}

function LiveState({ state, isReading }: { state: Tail['state']; isReading: boolean }) {
  const { t } = useTranslation()
  const colour = state !== 'live' ? 'bg-amber' : isReading ? 'bg-grey' : 'bg-green'
  return (
    <p role="status" className="mr-auto flex items-center gap-2 text-xs text-soft">
      <span aria-hidden className={`size-2 rounded-full ${colour}`} />
      {state === 'live' ? t(isReading ? 'logs.paused' : 'logs.live') : t(`logs.${state}`)}
    </p>
  )
}

function ToEnd({ count, onPress }: { count: number; onPress: () => void }) {
  const { t } = useTranslation()
  const format = useFormat()
  // More may have come than are kept.
  const formatted = format.number(count) + (count >= mostLines ? '+' : '')
  return (
    <Button look="primary" onPress={onPress} className="absolute right-4 bottom-12">
      <ArrowDown aria-hidden size={15} />
      {count > 0 ? t('logs.new', { count, formatted }) : t('logs.toEnd')}
    </Button>
  )
}

/** Reads what stands before the first line, and keeps what is in sight where it is. */
function useBackwards(
  box: RefObject<HTMLDivElement | null>,
  filter: URLSearchParams,
  { items, before }: Tail,
  act: (action: TailAction) => void,
) {
  const { t } = useTranslation()
  const [state, setState] = useState<'' | 'loading' | 'failed'>('')
  const fromEnd = useRef<number | null>(null)
  useLayoutEffect(() => {
    if (fromEnd.current === null || !box.current) return
    box.current.scrollTo(0, box.current.scrollHeight - fromEnd.current)
    fromEnd.current = null
  }, [box, items])
  const isFull = items.length >= mostRead
  const load = () => {
    const place = before === undefined ? items.find((item) => !('skipped' in item))?.id : before
    if (state === 'loading' || isFull || !place) return
    setState('loading')
    olderLines(filter, place).then(
      (older) => {
        if (box.current) fromEnd.current = box.current.scrollHeight - box.current.scrollTop
        act({ type: 'older', items: older.entries, before: older.before })
        setState('')
      },
      () => setState('failed'),
    )
  }
  if (state === 'loading') return { load, note: t('logs.loadingOlder') }
  if (state === 'failed') return { load, note: t('logs.noOlder') }
  if (isFull) return { load, note: t('logs.enough') }
  return { load, note: before === null ? t('logs.beginning') : '' }
}

interface ItemProps {
  item: TailItem
  find: RegExp | null
  leadsToTask: boolean
  onOpen: (id: string) => void
}

function Item({ item, ...rest }: ItemProps) {
  const { t } = useTranslation()
  const format = useFormat()
  if (!('skipped' in item)) return <LogLine entry={item} {...rest} />
  return (
    <li className="my-1 text-center text-2xs text-amber">
      {item.skipped === null
        ? t('logs.maybeSkipped')
        : t('logs.skipped', { count: item.skipped, formatted: format.number(item.skipped) })}
    </li>
  )
}
