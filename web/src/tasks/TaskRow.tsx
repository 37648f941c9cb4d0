import { memo, useState, type CSSProperties, type MouseEvent } from 'react'
import { Check } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Task } from '../api/types'
import { StatusWord } from '../ui/StatusWord'
import { Cell, isFigure, Note, type Column } from './columns'
import { RowAction } from './RowAction'

/** Rows have a fixed height, so that nothing moves while one scrolls. */
export const rowHeight = { wide: 40, narrow: 64 }

interface Props {
  task: Task
  /** Its place in the list, from 0. */
  index: number
  start: number
  shown: readonly Column[]
  template: string
  names: ReadonlyMap<string, string>
  isSelectable: boolean
  isSelected: boolean
  isCurrent: boolean
  isNarrow: boolean
  onPress: (task: Task, event: MouseEvent) => void
  onCheck: (task: Task, event: MouseEvent) => void
}

export const rowId = (task: string) => `task-${task}`

/** One task in one line, on a phone in two. */
export const TaskRow = memo(function TaskRow(props: Props) {
  const { task, index, start, template, isNarrow, isSelected, isSelectable, isCurrent } = props
  const { t } = useTranslation()
  const style: CSSProperties = {
    height: isNarrow ? rowHeight.narrow : rowHeight.wide,
    transform: `translateY(${start}px)`,
    gridTemplateColumns: isNarrow ? undefined : template,
  }
  return (
    // The keys are the grid's, which has the focus.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      role="row"
      id={rowId(task.id)}
      aria-rowindex={index + 2}
      aria-selected={isSelectable ? isSelected : undefined}
      data-current={isCurrent || undefined}
      onClick={(event) => props.onPress(task, event)}
      style={style}
      className="group/row absolute inset-x-0 top-0 grid cursor-pointer items-center gap-x-3 border-b border-line px-2 text-sm contain-strict select-none group-focus-visible/grid:data-current:outline-2 group-focus-visible/grid:data-current:-outline-offset-2 group-focus-visible/grid:data-current:outline-accent hover:bg-hover aria-selected:bg-accent-wash max-md:grid-cols-[auto_minmax(0,1fr)]"
    >
      <Glow of={`${task.status} ${task.error_kind}`} />
      {isSelectable && (
        // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
        <span
          role="gridcell"
          className="-m-2 flex items-center justify-center self-stretch p-2 max-md:pr-1"
          onClick={(event) => {
            event.stopPropagation()
            props.onCheck(task, event)
          }}
        >
          <span
            title={t('tasks.select')}
            className={`flex size-4 items-center justify-center rounded-sm border ${isSelected ? 'border-accent-fill bg-accent-fill text-white' : 'border-edge/60 group-hover/row:border-edge'}`}
          >
            {isSelected && <Check aria-hidden size={13} strokeWidth={3} />}
          </span>
        </span>
      )}
      {isNarrow ? <NarrowCells {...props} /> : <WideCells {...props} />}
    </div>
  )
})

function WideCells({ task, shown, names }: Props) {
  return (
    <>
      <span role="gridcell" className="truncate">
        <StatusWord status={task.status} inDoubt={task.error_kind === 'in_doubt'} />
      </span>
      <span role="gridcell" className="truncate" dir="auto">
        <Prompt task={task} />
      </span>
      {shown.map((column) => (
        <span
          key={column}
          role="gridcell"
          dir="auto"
          className={`truncate ${isFigure(column) ? 'text-right' : ''} ${column === 'note' && task.status === 'failed' ? 'text-ink' : 'text-soft'}`}
        >
          <Cell column={column} task={task} names={names} />
        </span>
      ))}
      <span
        role="gridcell"
        className="flex justify-end opacity-0 group-hover/row:opacity-100 group-data-current/row:opacity-100"
      >
        <RowAction task={task} />
      </span>
    </>
  )
}

function NarrowCells({ task, names, isSelectable }: Props) {
  return (
    <span role="gridcell" className={`min-w-0 ${isSelectable ? '' : 'col-span-2'}`}>
      <span className="block truncate" dir="auto">
        <Prompt task={task} />
      </span>
      <span className="flex items-center gap-3 text-xs text-soft">
        <StatusWord status={task.status} inDoubt={task.error_kind === 'in_doubt'} />
        <span className="min-w-0 flex-1 truncate" dir="auto">
          <Note task={task} />
        </span>
        <span className="whitespace-nowrap">
          <Cell column="created" task={task} names={names} />
        </span>
      </span>
    </span>
  )
}

/** A plain link, as the row opens the task itself: a router's link costs more than the rest of the row. */
function Prompt({ task }: { task: Task }) {
  const { t } = useTranslation()
  return (
    <a href={`/tasks/${encodeURIComponent(task.id)}`} tabIndex={-1} draggable={false}>
      {task.prompt.slice(0, 300) || <span className="text-soft">{t('tasks.noPrompt')}</span>}
    </a>
  )
}

/** Lights up once when what it stands for changes. */
function Glow({ of }: { of: string }) {
  const [seen, setSeen] = useState(of)
  const [changes, setChanges] = useState(0)
  if (seen !== of) {
    setSeen(of)
    setChanges(changes + 1)
  }
  if (changes === 0) return null
  return <span key={changes} aria-hidden className="pointer-events-none absolute inset-0 -z-1 animate-glow" />
}
