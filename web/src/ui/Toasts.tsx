import { X } from 'lucide-react'
import {
  Text,
  UNSTABLE_Toast as AriaToast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as ToastRegion,
} from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Button } from './Button'

interface Toast {
  text: string
  /** Takes back what was done. */
  undo?: () => void
}

const queue = new ToastQueue<Toast>({ maxVisibleToasts: 3 })

/** How long a note stays, in milliseconds; longer if there is something to take back. */
const stay = 5000
const stayToUndo = 10_000

/** Says that something was done, in a corner where it is in nobody's way. */
export function say(text: string, undo?: () => void): void {
  queue.add({ text, undo }, { timeout: undo ? stayToUndo : stay })
}

export function Toasts() {
  const { t } = useTranslation()
  return (
    <ToastRegion
      queue={queue}
      aria-label={t('action.notes')}
      className="fixed right-4 bottom-4 z-40 flex flex-col gap-2 outline-none max-sm:inset-x-4 max-sm:bottom-20"
    >
      {({ toast }) => (
        <AriaToast
          toast={toast}
          className="flex items-center gap-2 rounded-lg bg-ink py-1 pr-1 pl-4 text-sm text-ground shadow-lg shadow-black/20"
        >
          <ToastContent className="min-w-0 flex-1">
            <Text slot="title">{toast.content.text}</Text>
          </ToastContent>
          {toast.content.undo && (
            <Button
              look="onInk"
              onPress={() => {
                toast.content.undo?.()
                queue.close(toast.key)
              }}
            >
              {t('action.undo')}
            </Button>
          )}
          <Button slot="close" look="onInk" aria-label={t('action.close')}>
            <X aria-hidden size={15} />
          </Button>
        </AriaToast>
      )}
    </ToastRegion>
  )
}
