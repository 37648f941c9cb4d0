import { useEffect, useState } from 'react'
import { useRouter } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { usePages } from '../frame/Rail'
import { Button } from '../ui/Button'
import { Palette } from './Palette'
import { ShortcutList } from './ShortcutList'
import { isMac, newReader, takesLetters } from './shortcuts'

/** Opens the palette, and hears the keys that work everywhere. */
export function SearchButton() {
  const { t } = useTranslation()
  const { history } = useRouter()
  const pages = usePages()
  const [open, setOpen] = useState<'palette' | 'shortcuts' | null>(null)
  const [read] = useState(() => newReader(isMac))
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return
      const isBusy = takesLetters(event.target) || document.querySelector('[role=dialog]') !== null
      const stroke = read(event, isBusy)
      if (stroke === null) return
      event.preventDefault()
      if (stroke === 'palette') setOpen((open) => (open === 'palette' ? null : 'palette'))
      else if (stroke === 'help') setOpen('shortcuts')
      else if (stroke === 'find') {
        if (!focusSearch()) setOpen('palette')
      } else {
        const page = stroke === 'create' ? '/playground' : stroke.page
        if (pages.some(({ to }) => to === page)) history.push(page)
      }
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [read, history, pages])
  const close = () => setOpen(null)
  return (
    <>
      <Button look="quiet" aria-keyshortcuts="Control+K" onPress={() => setOpen('palette')}>
        <Search aria-hidden size={16} />
        <span className="max-lg:sr-only">{t('palette.search')}</span>
        <kbd aria-hidden className="font-sans text-2xs max-lg:hidden">
          {isMac ? '⌘K' : 'Ctrl-K'}
        </kbd>
      </Button>
      <Palette isOpen={open === 'palette'} onClose={close} showShortcuts={() => setOpen('shortcuts')} />
      <ShortcutList isOpen={open === 'shortcuts'} onClose={close} />
    </>
  )
}

/** Puts the cursor into the page's search field, if it has one. */
function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>('main input[type=search]')
  field?.focus()
  field?.select()
  return field !== null
}
