import { CloudOff, LockOpen, type LucideIcon } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Me } from '../api/types'
import { useFormat } from '../i18n/format'
import { useLostConnection } from './connection'

/** What holds for the whole page and should not be overlooked. */
export function Banners({ me }: { me: Me }) {
  const { t } = useTranslation()
  const format = useFormat()
  const lostAt = useLostConnection()
  const lost = lostAt ? t('banner.lost', { time: format.time(lostAt) }) : t('banner.lostEmpty')
  return (
    <>
      {!me.auth_enabled && <Banner icon={LockOpen} text={t('banner.open')} />}
      <div role="status">{lostAt !== null && <Banner icon={CloudOff} text={lost} />}</div>
    </>
  )
}

function Banner({ icon: Icon, text }: { icon: LucideIcon; text: string }) {
  return (
    <p className="flex items-center gap-2 bg-amber-wash px-5 py-2 text-xs text-amber">
      <Icon aria-hidden size={15} className="shrink-0" />
      {text}
    </p>
  )
}
