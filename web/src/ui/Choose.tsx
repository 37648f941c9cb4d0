import type { ReactNode } from 'react'
import { Check, ChevronDown } from 'lucide-react'
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from 'react-aria-components'
import { buttonLook } from './Button'
import { labelLook } from './Field'
import { popoverLook } from './Menu'

interface Props<Id extends string> {
  label: string
  value: Id | null
  options: readonly { id: Id; text: string; aside?: ReactNode }[]
  onChange: (id: Id) => void
  /** Where the label is plain from the place, it is only read out. */
  isLabelHidden?: boolean
}

/** One of many, behind a button. */
export function Choose<Id extends string>({
  label,
  value,
  options,
  onChange,
  isLabelHidden = false,
}: Props<Id>) {
  return (
    <Select
      value={value}
      onChange={(id) => id !== null && onChange(id as Id)}
      aria-label={isLabelHidden ? label : undefined}
      className="flex min-w-0 flex-col gap-1"
    >
      {!isLabelHidden && <Label className={labelLook}>{label}</Label>}
      <Button className={`${buttonLook('plain')} min-w-0 justify-between`}>
        <SelectValue className="truncate">
          {() => options.find(({ id }) => id === value)?.text ?? label}
        </SelectValue>
        <ChevronDown aria-hidden size={15} className="shrink-0 text-soft" />
      </Button>
      <Popover className={popoverLook}>
        <ListBox className="outline-none">
          {options.map(({ id, text, aside }) => (
            <ListBoxItem
              key={id}
              id={id}
              textValue={text}
              className="target flex cursor-pointer items-center gap-2 rounded-md py-1 pr-3 pl-2 text-sm outline-none data-[focused]:bg-hover"
            >
              <Check
                aria-hidden
                size={15}
                className={`shrink-0 ${id === value ? 'text-accent' : 'invisible'}`}
              />
              <span className="min-w-0 truncate">{text}</span>
              {aside && <span className="ml-auto pl-3 text-soft">{aside}</span>}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  )
}
