import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'

export function OverviewPage() {
  const { t } = useTranslation()
  return <Page title={t('nav.overview')}>…</Page>
}
