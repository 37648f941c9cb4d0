import { useState } from 'react'
import { Button, Form, Input, Label, TextField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format'
import { buttonLook } from '../ui/Button'
import { labelLook } from '../ui/Field'
import { FilterPill } from './FilterMenu'
import { spans, type TasksSearch } from './search'

type Range = Pick<TasksSearch, 'from' | 'to' | 'last'>

interface Props {
  range: Range
  onChange: (range: Range) => void
}

/** When the tasks were created: the last hour, day or week, or between two moments. */
export function TimeFilter({ range, onChange }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const set = (change: Range) => onChange({ from: undefined, to: undefined, last: undefined, ...change })
  const value = range.last
    ? t(`tasks.last.${range.last}`)
    : [
        range.from && t('tasks.since', { at: format.dateTime(range.from) }),
        range.to && t('tasks.until', { at: format.dateTime(range.to) }),
      ]
        .filter(Boolean)
        .join(' ')
  return (
    <FilterPill label={t('tasks.columns.created')} value={value} onClear={() => set({})}>
      <div className="flex flex-col">
        {spans.map((span) => (
          <Button
            key={span}
            slot="close"
            aria-pressed={range.last === span}
            onPress={() => set({ last: span })}
            className="target cursor-pointer rounded-md px-2.5 text-left text-sm hover:bg-hover aria-pressed:font-medium aria-pressed:text-accent"
          >
            {t(`tasks.last.${span}`)}
          </Button>
        ))}
      </div>
      <Between key={`${range.from} ${range.to}`} range={range} onChange={set} />
    </FilterPill>
  )
}

function Between({ range, onChange }: Props) {
  const { t } = useTranslation()
  const [from, setFrom] = useState(toLocal(range.from))
  const [to, setTo] = useState(toLocal(range.to))
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault()
        onChange({ from: toMoment(from), to: toMoment(to) })
      }}
      className="mt-1 flex flex-col gap-2 border-t border-line px-2.5 pt-2 pb-1.5"
    >
      <Moment label={t('tasks.from')} value={from} onChange={setFrom} />
      <Moment label={t('tasks.to')} value={to} onChange={setTo} />
      <Button type="submit" className={buttonLook('plain')}>
        {t('tasks.apply')}
      </Button>
    </Form>
  )
}

interface MomentProps {
  label: string
  value: string
  onChange: (value: string) => void
}

function Moment({ label, value, onChange }: MomentProps) {
  return (
    <TextField value={value} onChange={onChange} type="datetime-local" className="flex flex-col gap-1">
      <Label className={labelLook}>{label}</Label>
      <Input className="target rounded-md border border-edge bg-ground px-2 text-sm" />
    </TextField>
  )
}

/** A moment as the field has it: local, without a zone. */
function toLocal(at: string | undefined): string {
  if (at === undefined) return ''
  const moment = new Date(at)
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

function toMoment(local: string): string | undefined {
  const at = new Date(local)
  return local === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString()
}
