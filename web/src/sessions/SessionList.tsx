import { useLayoutEffect, useRef, useState } from 'react'
import { Link } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp, Check } from 'lucide-react'
import { Checkbox } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { Moment } from '../ui/Moment'
import { sortings, type SessionsSearch, type Sorting } from './search'
import { nameOf, successRate, type Session } from './state'
import { StateWord } from './StateWord'

const columns =
  'grid items-center gap-x-4 grid-cols-[2rem_minmax(0,1fr)_auto] sm:grid-cols-[2rem_minmax(8rem,1.4fr)_11rem_minmax(0,1.6fr)_4.5rem_6rem_5rem_7rem] '

interface Props {
  sessions: Session[]
  search: SessionsSearch
  selected: ReadonlySet<string>
  /** None for those who can do nothing with a selection. */
  onSelect?: (ids: ReadonlySet<string>) => void
}

/** All sessions of the list; only those in sight are in the page. */
export function SessionList({ sessions, search, selected, onSelect }: Props) {
  const { t } = useTranslation()
  const list = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), [sessions.length])
  const isPhone = window.matchMedia('(width < 40rem)').matches
  const rows = useWindowVirtualizer({
    count: sessions.length,
    estimateSize: () => (isPhone ? 64 : 44),
    overscan: 8,
    scrollMargin: top,
    getItemKey: (index) => sessions[index]?.id ?? index,
  })
  const all = sessions.length > 0 && sessions.every(({ id }) => selected.has(id))
  const toggle = (id: string, on: boolean) => {
    const next = new Set(selected)
    if (on) next.add(id)
    else next.delete(id)
    onSelect?.(next)
  }
  return (
    <div
      role="table"
      aria-label={t('nav.sessions')}
      aria-rowcount={sessions.length + 1}
      className="mt-2 text-sm"
    >
      <div role="rowgroup" className="sticky top-0 z-[1] bg-ground">
        <div role="row" aria-rowindex={1} className={`${columns} border-b border-line text-xs text-soft`}>
          <span role={onSelect ? 'columnheader' : 'cell'}>
            {onSelect && (
              <Tick
                label={t('sessions.selectAll')}
                isSelected={all}
                isIndeterminate={!all && selected.size > 0}
                onChange={(on) => onSelect(new Set(on ? sessions.map(({ id }) => id) : []))}
              />
            )}
          </span>
          {sortings.slice(0, 2).map((name) => (
            <SortLink key={name} name={name} search={search} />
          ))}
          <span role="columnheader" className="max-sm:hidden">
            {t('sessions.panel.reason')}
          </span>
          {sortings.slice(2).map((name) => (
            <SortLink key={name} name={name} search={search} className="max-sm:hidden sm:justify-end" />
          ))}
        </div>
      </div>
      <div ref={list} role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, key, start }) => {
          const session = sessions[index]
          return (
            session && (
              <div
                key={key}
                ref={rows.measureElement}
                data-index={index}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={selected.has(session.id)}
                style={{ transform: `translateY(${start - rows.options.scrollMargin}px)` }}
                className={`${columns} absolute inset-x-0 top-0 min-h-11 border-b border-line py-1 hover:bg-well aria-selected:bg-accent-wash`}
              >
                <Row session={session} isSelected={selected.has(session.id)} onToggle={onSelect && toggle} />
              </div>
            )
          )
        })}
      </div>
    </div>
  )
}

interface RowProps {
  session: Session
  isSelected: boolean
  onToggle?: (id: string, on: boolean) => void
}

function Row({ session, isSelected, onToggle }: RowProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const rate = successRate(session)
  const slots = t('sessions.running', { running: session.running, slots: session.slots })
  return (
    <>
      <span role="cell">
        {onToggle && (
          <Tick
            label={t('sessions.select', { name: nameOf(session) })}
            isSelected={isSelected}
            onChange={(on) => onToggle(session.id, on)}
          />
        )}
      </span>
      <span role="cell" className="min-w-0">
        <Link
          from="/sessions"
          to="/sessions"
          search={(search) => ({ ...search, session: session.id })}
          className="block truncate font-medium hover:text-accent"
        >
          <bdi>{nameOf(session)}</bdi>
        </Link>
        <span className="block truncate text-2xs text-soft">
          {session.upstream}
          <span className="sm:hidden"> · {slots}</span>
        </span>
      </span>
      <span role="cell">
        <StateWord session={session} />
      </span>
      <span role="cell" className="truncate text-soft max-sm:hidden" dir="auto">
        {session.reason ?? ''}
      </span>
      <span role="cell" className="text-right max-sm:hidden">
        {slots}
      </span>
      <span role="cell" className="text-right max-sm:hidden">
        {session.credits === null ? '–' : format.number(session.credits)}
        {session.credits_expire && (
          <Moment at={session.credits_expire} className="block text-2xs text-soft" />
        )}
      </span>
      <span role="cell" className="text-right max-sm:hidden">
        {rate === null ? '–' : format.percent(rate)}
      </span>
      <span role="cell" className="truncate text-right text-soft max-sm:hidden">
        {session.last_used_at ? <Moment at={session.last_used_at} /> : '–'}
      </span>
    </>
  )
}

function SortLink({
  name,
  search,
  className = '',
}: {
  name: Sorting
  search: SessionsSearch
  className?: string
}) {
  const { t } = useTranslation()
  const isUp = search.sort === name && search.order !== 'desc'
  const isDown = search.sort === name && search.order === 'desc'
  return (
    <span
      role="columnheader"
      aria-sort={isUp ? 'ascending' : isDown ? 'descending' : 'none'}
      className={`flex ${className}`}
    >
      <Link
        from="/sessions"
        to="/sessions"
        search={{ ...search, sort: isDown ? undefined : name, order: isUp ? 'desc' : undefined }}
        className="target inline-flex items-center gap-1 hover:text-ink"
      >
        {t(`sessions.column.${name}`)}
        {isUp && <ArrowUp aria-hidden size={13} />}
        {isDown && <ArrowDown aria-hidden size={13} />}
      </Link>
    </span>
  )
}

interface TickProps {
  label: string
  isSelected: boolean
  isIndeterminate?: boolean
  onChange: (on: boolean) => void
}

function Tick({ label, ...props }: TickProps) {
  return (
    <Checkbox
      {...props}
      aria-label={label}
      className="group target flex w-8 cursor-pointer items-center justify-center rounded-md"
    >
      <span className="flex size-4 items-center justify-center rounded border border-edge text-white group-data-[indeterminate]:bg-accent-fill group-data-[selected]:border-accent-fill group-data-[selected]:bg-accent-fill">
        {props.isSelected && <Check aria-hidden size={12} strokeWidth={3} />}
      </span>
    </Checkbox>
  )
}
