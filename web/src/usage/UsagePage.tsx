import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'

export function UsagePage() {
  const { t } = useTranslation()
  return <Page title={t('nav.usage')}>…</Page>
}
