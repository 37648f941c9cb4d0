import { useEffect, useState } from 'react'
import { Check, Copy as CopyIcon } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { Button } from './Button'
import { copyText } from './clipboard'

/** How long the button says that it has worked, in milliseconds. */
const thanks = 1500

interface Props {
  text: string
  /** What is copied: "Copy the key". Shown if there is room, else only read out. */
  label: string
  isIcon?: boolean
}

/** Puts a text on the clipboard and says so. */
export function Copy({ text, label, isIcon = false }: Props) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), thanks)
    return () => clearTimeout(timer)
  }, [copied])
  const Icon = copied ? Check : CopyIcon
  return (
    <Button look="quiet" aria-label={label} onPress={() => void copyText(text).then(setCopied)}>
      <Icon aria-hidden size={15} className={copied ? 'text-green' : ''} />
      {!isIcon && (copied ? t('action.copied') : label)}
      <span role="status" className="sr-only">
        {copied && t('action.copied')}
      </span>
    </Button>
  )
}
