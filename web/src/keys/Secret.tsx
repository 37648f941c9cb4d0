import { useTranslation } from 'react-i18next'
import { Button } from '../ui/Button'
import { Code } from '../ui/Code'
import { Dialog } from '../ui/Dialog'

interface Props {
  name: string
  secret: string
  onClose: () => void
}

/** A new secret, shown once, and how to use it. */
export function Secret({ name, secret, onClose }: Props) {
  const { t } = useTranslation()
  const curl = [
    `curl ${location.origin}/v1/videos/generations \\`,
    `  -H "Authorization: Bearer $JIMENG_KEY" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '{"model":"jimeng-video-3.0","prompt":"a paper boat on a puddle"}'`,
  ].join('\n')
  return (
    <Dialog title={t('keys.made.title', { name })} isOpen onClose={onClose} isWide>
      <div className="mt-2 flex flex-col gap-3 text-sm">
        <p className="text-amber">{t('keys.made.once')}</p>
        <Code text={secret} label={t('keys.made.key')} />
        <h3 className="font-medium">{t('keys.made.env')}</h3>
        <Code text={`export JIMENG_KEY=${secret}`} label={t('keys.made.env')} />
        <h3 className="font-medium">{t('keys.made.curl')}</h3>
        <Code text={curl} label={t('keys.made.curl')} />
        <div className="flex justify-end">
          <Button look="primary" onPress={onClose}>
            {t('keys.made.done')}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
