import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'

export function SessionsPage() {
  const { t } = useTranslation()
  return <Page title={t('nav.sessions')}>…</Page>
}
