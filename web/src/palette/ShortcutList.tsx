import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { usePages } from '../frame/Rail'
import { Dialog } from '../ui/Dialog'
import { goTo, isMac } from './shortcuts'

/** What the keyboard can do. */
export function ShortcutList({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const pages = usePages()
  return (
    <Dialog title={t('palette.keyList.title')} isOpen onClose={onClose}>
      <dl className="mt-3 grid grid-cols-[minmax(0,1fr)_max-content] items-center gap-y-1.5 text-sm">
        <Line text={t('palette.keyList.palette')}>
          <Key>{isMac ? '⌘' : 'Ctrl'}</Key> <Key>K</Key>
        </Line>
        <Line text={t('palette.keyList.find')}>
          <Key>/</Key>
        </Line>
        <Line text={t('palette.keyList.create')}>
          <Key>n</Key>
        </Line>
        {Object.entries(goTo).map(([letter, path]) => {
          const page = pages.find(({ to }) => to === path)
          return (
            page && (
              <Line key={path} text={t('palette.keyList.goTo', { page: t(page.key) })}>
                <Key>g</Key> <span className="text-2xs text-soft">{t('palette.keyList.then')}</span>{' '}
                <Key>{letter}</Key>
              </Line>
            )
          )
        })}
        <Line text={t('palette.keyList.help')}>
          <Key>?</Key>
        </Line>
        <Line text={t('palette.keyList.close')}>
          <Key>Esc</Key>
        </Line>
      </dl>
    </Dialog>
  )
}

function Line({ text, children }: { text: string; children: ReactNode }) {
  return (
    <>
      <dt>{text}</dt>
      <dd className="text-right">{children}</dd>
    </>
  )
}

function Key({ children }: { children: ReactNode }) {
  return <kbd className="rounded-sm bg-well px-1.5 py-0.5 font-mono text-2xs">{children}</kbd>
}
