import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'

export function AboutPage() {
  const { t } = useTranslation()
  return <Page title={t('nav.about')}>…</Page>
}
