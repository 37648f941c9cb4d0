import { useState } from 'react'
import { Check, ChevronDown, X } from 'lucide-react'
import {
  Autocomplete,
  Button,
  Dialog,
  DialogTrigger,
  Input,
  ListBox,
  ListBoxItem,
  Popover,
  SearchField,
} from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { popoverLook } from '../ui/Menu'

export interface Option {
  id: string
  text: string
}

interface Props {
  label: string
  options: readonly Option[]
  chosen: readonly string[]
  /** Only one can be chosen. */
  isSingle?: boolean
  onChange: (chosen: string[]) => void
}

/** From so many choices on, there is a field to find one. */
const many = 8
/** Of thousands of choices, so many are shown; the field finds the others. */
const most = 100

/** A condition of the list: what is chosen stands in it, and it can be taken away. */
export function FilterMenu({ label, options, chosen, isSingle = false, onChange }: Props) {
  const [text, setText] = useState('')
  const nameOf = (id: string) => options.find((option) => option.id === id)?.text ?? id
  const found = options
    .filter((option) => option.text.toLowerCase().includes(text.toLowerCase()))
    .slice(0, most)
  const list = (
    <ListBox
      aria-label={label}
      items={found}
      selectionMode={isSingle ? 'single' : 'multiple'}
      selectedKeys={chosen}
      onSelectionChange={(keys) => onChange(keys === 'all' ? [] : [...keys].map(String))}
      escapeKeyBehavior="none" // it closes the menu, and takes nothing back
      className="max-h-80 overflow-y-auto outline-none"
    >
      {(option) => (
        <ListBoxItem
          textValue={option.text}
          className="target flex max-w-80 cursor-pointer items-center gap-2 rounded-md py-1 pr-3 pl-2 text-sm outline-none data-[focused]:bg-hover"
        >
          {({ isSelected }) => (
            <>
              <Check
                aria-hidden
                size={15}
                className={`shrink-0 ${isSelected ? 'text-accent' : 'invisible'}`}
              />
              <span className="truncate" dir="auto">
                {option.text}
              </span>
            </>
          )}
        </ListBoxItem>
      )}
    </ListBox>
  )
  return (
    <FilterPill label={label} value={chosen.map(nameOf).join(', ')} onClear={() => onChange([])}>
      {options.length > many ? (
        <Autocomplete inputValue={text} onInputChange={setText}>
          {/* The menu was opened to choose, and here one begins. */}
          {/* eslint-disable-next-line jsx-a11y/no-autofocus */}
          <SearchField aria-label={label} autoFocus>
            <Input
              placeholder={label}
              className="target mb-1 w-full rounded-md bg-well px-2.5 text-sm outline-none"
            />
          </SearchField>
          {list}
        </Autocomplete>
      ) : (
        list
      )}
    </FilterPill>
  )
}

interface PillProps {
  label: string
  /** What is chosen, "" for nothing. */
  value: string
  onClear: () => void
  children: React.ReactNode
}

/** The button of a condition with what opens below it. */
export function FilterPill({ label, value, onClear, children }: PillProps) {
  const { t } = useTranslation()
  return (
    <span
      className={`flex min-w-0 items-center rounded-md ${value ? 'bg-accent-wash text-accent' : 'bg-well'}`}
    >
      <DialogTrigger>
        <Button
          aria-label={value ? `${label}: ${value}` : label}
          className="target inline-flex min-w-0 cursor-pointer items-center gap-1.5 rounded-md px-2.5 text-sm whitespace-nowrap hover:bg-hover"
        >
          <span className="max-w-52 truncate" dir="auto">
            {value || label}
          </span>
          {!value && <ChevronDown aria-hidden size={15} className="text-soft" />}
        </Button>
        <Popover className={popoverLook} placement="bottom start">
          <Dialog aria-label={label} className="outline-none">
            {children}
          </Dialog>
        </Popover>
      </DialogTrigger>
      {value && (
        <Button
          aria-label={t('tasks.remove', { filter: label })}
          onPress={onClear}
          className="target flex w-7 cursor-pointer items-center justify-center rounded-md hover:bg-hover max-md:w-9"
        >
          <X aria-hidden size={14} />
        </Button>
      )}
    </span>
  )
}
