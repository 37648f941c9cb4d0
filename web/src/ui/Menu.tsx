import type { ReactNode } from 'react'
import { Button, Menu as AriaMenu, MenuItem, MenuTrigger, Popover } from 'react-aria-components'
import { Check } from 'lucide-react'
import { buttonLook } from './Button'

interface Props<Id extends string> {
  label: string
  button: ReactNode
  items: { id: Id; text: string }[]
  selected?: Id
  onAction: (id: Id) => void
}

export const popoverLook =
  'rounded-lg border border-line bg-raised p-1 shadow-lg shadow-black/10 min-w-(--trigger-width) max-w-[min(28rem,90vw)] overflow-auto'

/** A button that opens a short list of choices or actions. */
export function Menu<Id extends string>({ label, button, items, selected, onAction }: Props<Id>) {
  return (
    <MenuTrigger>
      <Button aria-label={label} className={buttonLook('quiet')}>
        {button}
      </Button>
      <Popover placement="bottom end" className={popoverLook}>
        <AriaMenu
          onAction={(id) => onAction(id as Id)}
          selectionMode={selected ? 'single' : 'none'}
          selectedKeys={selected ? [selected] : []}
          disallowEmptySelection
          className="outline-none"
        >
          {items.map((item) => (
            <MenuItem
              key={item.id}
              id={item.id}
              className="target flex cursor-pointer items-center gap-2 rounded-md py-1 pr-3 pl-2 text-sm outline-none data-[focused]:bg-hover"
            >
              {selected && (
                <Check aria-hidden size={15} className={item.id === selected ? 'text-accent' : 'invisible'} />
              )}
              {item.text}
            </MenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  )
}
