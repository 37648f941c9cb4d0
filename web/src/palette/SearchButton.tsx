import { Search } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { Button } from '../ui/Button'
import { isMac } from './shortcuts'
import { usePalette } from './usePalette'

/** Opens the palette for those who do not know its keys. */
export function SearchButton() {
  const { t } = useTranslation()
  const open = usePalette()
  return (
    <Button look="quiet" aria-keyshortcuts={isMac ? 'Meta+K' : 'Control+K'} onPress={open}>
      <Search aria-hidden size={16} />
      <span className="max-lg:sr-only">{t('palette.search')}</span>
      <kbd aria-hidden className="font-sans text-2xs max-lg:hidden">
        {isMac ? '⌘K' : 'Ctrl-K'}
      </kbd>
    </Button>
  )
}
