import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
  type RefObject,
} from 'react'
import { useNavigate } from '@tanstack/react-router'
import { defaultRangeExtractor, useWindowVirtualizer } from '@tanstack/react-virtual'
import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'
import { isFigure, tracks, type Column } from './columns'
import { rowHeight, rowId, TaskRow } from './TaskRow'
import { useNarrow } from './useNarrow'
import type { SelectionState } from './useSelection'

/** So many rows before the end the next page is asked for. */
const ahead = 30

interface Props {
  tasks: Task[]
  shown: Column[]
  names: ReadonlyMap<string, string>
  isSelectable: boolean
  selection: SelectionState
  /** How many rows there are in all, -1 if nobody knows yet. */
  total: number
  onNearEnd: () => void
  onHover: (hovers: boolean) => void
}

/** The list itself: of thousands of rows, those in sight are there. */
export function TaskGrid({ tasks, shown, names, isSelectable, selection, total, onNearEnd, onHover }: Props) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const isNarrow = useNarrow()
  const grid = useRef<HTMLDivElement>(null)
  const top = useTop(grid)
  const at = selection.at
  const height = isNarrow ? rowHeight.narrow : rowHeight.wide
  const rows = useWindowVirtualizer({
    count: tasks.length,
    estimateSize: () => height,
    overscan: 8,
    useFlushSync: false, // what was scrolled meanwhile is drawn once
    scrollMargin: top,
    scrollPaddingEnd: 72, // the bar with the actions, the bar of a phone
    scrollPaddingStart: 48,
    getItemKey: (index) => tasks[index]?.id ?? index,
    // What the keyboard is at stays there for the screen reader.
    rangeExtractor: (range) => {
      const inSight = defaultRangeExtractor(range)
      return at < 0 || inSight.includes(at) ? inSight : [...inSight, at].sort((a, b) => a - b)
    },
  })
  useEffect(() => rows.measure(), [rows, height])
  const items = rows.getVirtualItems()
  const isNearEnd = (items.at(-1)?.index ?? 0) >= tasks.length - ahead
  useEffect(() => {
    if (isNearEnd) onNearEnd()
  }, [isNearEnd, onNearEnd])

  // The rows are told apart by what they show; what they call must not change with each event.
  const latest = useRef(selection)
  useEffect(() => {
    latest.current = selection
  })
  const open = useCallback(
    (task: Task) => void navigate({ to: '/tasks/$id', params: { id: task.id } }),
    [navigate],
  )
  const press = useCallback(
    (task: Task, event: MouseEvent) => {
      if (isSelectable && event.shiftKey) {
        event.preventDefault()
        latest.current.extend(task.id)
      } else if (!event.ctrlKey && !event.metaKey) {
        event.preventDefault() // what the link would do
        latest.current.moveTo(task.id)
        open(task)
      }
    },
    [isSelectable, open],
  )
  const check = useCallback((task: Task, event: MouseEvent) => {
    if (event.shiftKey) latest.current.extend(task.id)
    else latest.current.toggle(task.id)
  }, [])

  const goTo = (index: number, extends_: boolean) => {
    const target = Math.max(0, Math.min(tasks.length - 1, index))
    const task = tasks[target]
    if (!task) return
    if (extends_ && isSelectable) selection.extend(task.id)
    else selection.moveTo(task.id)
    rows.scrollToIndex(target)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + 15,
      PageUp: at - 15,
      Home: 0,
      End: tasks.length - 1,
    }
    const step = steps[event.key]
    const task = tasks[at]
    if (step !== undefined) goTo(step, event.shiftKey)
    else if (event.key === 'Enter' && task) open(task)
    else if (event.key === ' ' && task && isSelectable) selection.toggle(task.id)
    else if (event.key === 'a' && (event.ctrlKey || event.metaKey) && isSelectable) selection.selectLoaded()
    else if (event.key === 'Escape') selection.clear()
    else return
    event.preventDefault()
  }
  const template = tracks(shown, isSelectable)
  return (
    <div
      ref={grid}
      role="grid"
      aria-label={t('tasks.title')}
      aria-rowcount={total < 0 ? -1 : total + 1}
      aria-multiselectable={isSelectable || undefined}
      aria-activedescendant={selection.current && at >= 0 ? rowId(selection.current) : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onFocus={(event) =>
        event.target === event.currentTarget && at < 0 && tasks[0] && selection.moveTo(tasks[0].id)
      }
      onPointerEnter={(event) => event.pointerType === 'mouse' && onHover(true)}
      onPointerLeave={() => onHover(false)}
      className="group/grid -mx-2 outline-none"
    >
      <div
        role="row"
        aria-rowindex={1}
        style={{ gridTemplateColumns: isNarrow ? undefined : template }}
        className="sticky top-0 z-1 grid h-9 items-center gap-x-3 border-b border-line bg-ground px-2 text-xs text-soft max-md:sr-only"
      >
        {isSelectable && (
          <span role="columnheader">
            <span className="sr-only">{t('tasks.select')}</span>
          </span>
        )}
        <span role="columnheader">{t('tasks.columns.status')}</span>
        <span role="columnheader">{t('tasks.columns.prompt')}</span>
        {shown.map((column) => (
          <span
            key={column}
            role="columnheader"
            className={`truncate ${isFigure(column) ? 'text-right' : ''}`}
          >
            {t(`tasks.columns.${column}`)}
          </span>
        ))}
        <span role="columnheader">
          <span className="sr-only">{t('tasks.columns.actions')}</span>
        </span>
      </div>
      <div role="rowgroup" className="relative isolate" style={{ height: rows.getTotalSize() }}>
        {items.map((item) => {
          const task = tasks[item.index]
          return (
            task && (
              <TaskRow
                key={item.key}
                task={task}
                index={item.index}
                start={item.start - top}
                shown={shown}
                template={template}
                names={names}
                isSelectable={isSelectable}
                isSelected={selection.isSelected(task.id)}
                isCurrent={item.index === at}
                isNarrow={isNarrow}
                onPress={press}
                onCheck={check}
              />
            )
          )
        })}
      </div>
    </div>
  )
}

/** Where an element begins on the page; what is above it may grow. */
function useTop(element: RefObject<HTMLElement | null>): number {
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    const measure = () => setTop((element.current?.getBoundingClientRect().top ?? 0) + window.scrollY)
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [element])
  return top
}
