import { useState, type ReactNode } from 'react'
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { Button } from './Button'
import { useErrorText } from './ErrorNote'

interface Props {
  title: string
  isOpen: boolean
  onClose: () => void
  /** Wide enough for a form of two columns or for code. */
  isWide?: boolean
  children: ReactNode
}

/** A window over the page; on a phone it comes from below. */
export function Dialog({ title, isOpen, onClose, isWide = false, children }: Props) {
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
      className="fixed inset-0 z-30 flex items-start justify-center overflow-y-auto bg-black/40 px-4 py-[8vh] max-sm:items-end max-sm:p-0"
    >
      <Modal
        className={`w-full rounded-xl bg-ground shadow-xl shadow-black/20 max-sm:rounded-b-none ${isWide ? 'max-w-3xl' : 'max-w-md'}`}
      >
        <AriaDialog className="p-5 outline-none">
          <Heading slot="title" className="text-base font-semibold">
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}

interface ConfirmProps {
  title: string
  /** What will happen, with numbers. */
  children: ReactNode
  /** What the button does: "Cancel 214 tasks". */
  action: string
  isOpen: boolean
  onClose: () => void
  onConfirm: () => Promise<unknown>
}

/** Asks before something that cannot be taken back. It stays open while it happens, and if it fails. */
export function Confirm({ title, children, action, isOpen, onClose, onConfirm }: ConfirmProps) {
  const { t } = useTranslation()
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const text = useErrorText(error)
  const close = () => {
    setError(null)
    onClose()
  }
  const confirm = async () => {
    setBusy(true)
    setError(null)
    try {
      await onConfirm()
      onClose()
    } catch (error) {
      setError(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} isOpen={isOpen} onClose={close}>
      <div className="mt-2 text-sm text-soft">{children}</div>
      {error !== null && (
        <p role="alert" className="mt-3 text-sm text-red">
          {text}
        </p>
      )}
      <div className="mt-5 flex justify-end gap-2">
        <Button look="quiet" onPress={close}>
          {t('action.back')}
        </Button>
        <Button look="danger" isBusy={isBusy} onPress={() => void confirm()}>
          {action}
        </Button>
      </div>
    </Dialog>
  )
}
