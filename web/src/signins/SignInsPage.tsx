import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'

export function SignInsPage() {
  const { t } = useTranslation()
  return <Page title={t('nav.signins')}>…</Page>
}
