import { useState } from 'react'
import { Search } from 'lucide-react'
import {
  Autocomplete,
  Dialog,
  Header,
  Input,
  Menu,
  MenuItem,
  MenuSection,
  Modal,
  ModalOverlay,
  TextField,
} from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { useCommands } from './useCommands'

interface Props {
  onClose: () => void
  showShortcuts: () => void
}

/** Everything by its name: pages, actions, and what the gateway has with these words. */
export function Palette({ onClose, showShortcuts }: Props) {
  const { t } = useTranslation()
  return (
    <ModalOverlay
      isOpen
      onOpenChange={(open) => !open && onClose()}
      isDismissable
      className="fixed inset-0 z-30 flex items-start justify-center bg-black/40 px-4 pt-[12vh] max-sm:px-2 max-sm:pt-2"
    >
      <Modal className="w-full max-w-xl overflow-hidden rounded-xl bg-raised shadow-xl shadow-black/20">
        <Dialog aria-label={t('palette.title')} className="outline-none">
          <Commands onClose={onClose} showShortcuts={showShortcuts} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

function Commands({ onClose, showShortcuts }: Props) {
  const { t } = useTranslation()
  const [words, setWords] = useState('')
  const groups = useCommands(words, showShortcuts)
  const run = (id: string | number) => {
    onClose()
    groups
      .flatMap(({ commands }) => commands)
      .find((command) => command.id === id)
      ?.run()
  }
  return (
    <Autocomplete inputValue={words} onInputChange={setWords}>
      {/* No search field: there, Escape would empty the field before it closes the palette. */}
      <TextField
        type="search"
        aria-label={t('palette.title')}
        className="flex items-center gap-2.5 border-b border-line px-4"
      >
        <Search aria-hidden size={17} className="shrink-0 text-soft" />
        <Input
          // Whoever opens the palette is about to type.
          // eslint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          maxLength={200}
          placeholder={t('palette.placeholder')}
          className="h-12 min-w-0 flex-1 bg-transparent text-base outline-none [&::-webkit-search-cancel-button]:hidden"
        />
      </TextField>
      <Menu
        aria-label={t('palette.title')}
        onAction={run}
        renderEmptyState={() => <p className="px-3 py-6 text-sm text-soft">{t('palette.none')}</p>}
        className="max-h-[55vh] overflow-auto p-1.5 outline-none"
      >
        {groups.map(({ id, commands }) => (
          <MenuSection key={id} id={id} aria-label={t(`palette.${id}`)} className="pb-1.5">
            <Header className="px-2.5 pt-1.5 pb-0.5 text-2xs font-medium text-soft">
              {t(`palette.${id}`)}
            </Header>
            {commands.map((command) => (
              <MenuItem
                key={command.id}
                id={command.id}
                textValue={command.text}
                className="target flex cursor-pointer items-center gap-3 rounded-md px-2.5 text-sm outline-none data-[focused]:bg-accent-wash"
              >
                <span className="min-w-0 flex-1 truncate" dir="auto">
                  {command.text}
                </span>
                {command.aside && <span className="shrink-0 text-2xs text-soft">{command.aside}</span>}
              </MenuItem>
            ))}
          </MenuSection>
        ))}
      </Menu>
    </Autocomplete>
  )
}
