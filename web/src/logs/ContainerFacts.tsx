import { useTranslation } from 'react-i18next'
import type { Container } from '../api/types'
import { useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'

/** How a container is, in one line. */
export function ContainerFacts({ container }: { container: Container }) {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow()
  if (container.reason) return <p className="text-sm text-amber">{container.reason}</p>
  const { load } = container
  const facts = [
    t(container.running ? 'container.running' : 'container.stopped', { state: container.state }),
    container.health,
    container.running &&
      container.started_at &&
      t('container.since', { ago: format.ago(container.started_at, now) }),
    container.restarts > 0 &&
      t('container.restarts', { count: container.restarts, formatted: format.number(container.restarts) }),
    load && t('container.cpu', { percent: format.percent(load.cpu) }),
    load && format.bytes(load.memory),
    container.image,
  ]
  return <p className="text-sm break-words text-soft">{facts.filter(Boolean).join(' · ')}</p>
}
