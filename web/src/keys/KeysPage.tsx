import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'

export function KeysPage() {
  const { t } = useTranslation()
  return <Page title={t('nav.keys')}>…</Page>
}
