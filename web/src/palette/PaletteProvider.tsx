import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react'
import { useRouter } from '@tanstack/react-router'
import { usePages } from '../frame/Rail'
import { isMac, newReader, takesLetters } from './shortcuts'
import { PaletteContext } from './usePalette'

// The first page is there sooner without them.
const Palette = lazy(() => import('./Palette').then(({ Palette }) => ({ default: Palette })))
const ShortcutList = lazy(() =>
  import('./ShortcutList').then(({ ShortcutList }) => ({ default: ShortcutList })),
)

/** Has the palette and the list of shortcuts, and hears the keys that work everywhere. */
export function PaletteProvider({ children }: { children: ReactNode }) {
  const { history } = useRouter()
  const pages = usePages()
  const [open, setOpen] = useState<'palette' | 'shortcuts' | null>(null)
  const [read] = useState(() => newReader(isMac))
  const [openPalette] = useState(() => () => setOpen('palette'))
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
    <PaletteContext value={openPalette}>
      {children}
      <Suspense fallback={null}>
        {open === 'palette' && <Palette onClose={close} showShortcuts={() => setOpen('shortcuts')} />}
        {open === 'shortcuts' && <ShortcutList onClose={close} />}
      </Suspense>
    </PaletteContext>
  )
}

/** Puts the cursor into the page's search field, if it has one. */
function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>('main input[type=search]')
  field?.focus()
  field?.select()
  return field !== null
}
