import { Columns3, Pause, Play } from 'lucide-react'
import {
  Button as AriaButton,
  Dialog,
  DialogTrigger,
  ListBox,
  ListBoxItem,
  Popover,
} from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Button, buttonLook } from '../ui/Button'
import { popoverLook } from '../ui/Menu'
import type { Column } from './columns'

interface Props {
  isPaused: boolean
  onPause: (paused: boolean) => void
  offered: readonly Column[]
  shown: readonly Column[]
  onChoose: (shown: Column[]) => void
}

/** How the list is shown: whether it moves, and with which columns. */
export function ListTools({ isPaused, onPause, offered, shown, onChoose }: Props) {
  const { t } = useTranslation()
  const Icon = isPaused ? Play : Pause
  return (
    <>
      <Button
        look={isPaused ? 'plain' : 'quiet'}
        aria-pressed={isPaused}
        aria-label={t('tasks.pause')}
        onPress={() => onPause(!isPaused)}
      >
        <Icon aria-hidden size={15} />
        <span className="max-lg:sr-only">{isPaused ? t('tasks.paused') : t('tasks.pause')}</span>
      </Button>
      <DialogTrigger>
        <AriaButton className={`${buttonLook('quiet')} max-md:hidden`}>
          <Columns3 aria-hidden size={15} />
          <span className="max-lg:sr-only">{t('tasks.columns.label')}</span>
        </AriaButton>
        <Popover placement="bottom end" className={popoverLook}>
          <Dialog aria-label={t('tasks.columns.label')} className="outline-none">
            <ListBox
              aria-label={t('tasks.columns.label')}
              selectionMode="multiple"
              selectedKeys={shown}
              onSelectionChange={(keys) =>
                onChoose(offered.filter((column) => keys === 'all' || keys.has(column)))
              }
              escapeKeyBehavior="none" // it closes the menu, and takes nothing back
              className="outline-none"
            >
              {offered.map((column) => (
                <ListBoxItem
                  key={column}
                  id={column}
                  textValue={t(`tasks.columns.${column}`)}
                  className="target flex cursor-pointer items-center gap-2 rounded-md py-1 pr-6 pl-2 text-sm outline-none data-[focused]:bg-hover"
                >
                  {({ isSelected }) => (
                    <>
                      <input
                        type="checkbox"
                        checked={isSelected}
                        readOnly
                        tabIndex={-1}
                        aria-hidden
                        className="accent-accent-fill"
                      />
                      {t(`tasks.columns.${column}`)}
                    </>
                  )}
                </ListBoxItem>
              ))}
            </ListBox>
          </Dialog>
        </Popover>
      </DialogTrigger>
    </>
  )
}
