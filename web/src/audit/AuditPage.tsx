import { useTranslation } from 'react-i18next'
import { Page } from '../frame/Shell'

export function AuditPage() {
  const { t } = useTranslation()
  return <Page title={t('nav.audit')}>…</Page>
}
