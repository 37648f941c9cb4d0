import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { healthQuery, meQuery, sessionsQuery, statsQuery } from '../api/queries'
import { may } from '../api/types'
import { Page } from '../frame/Shell'
import { HealthReport } from '../logs/HealthReport'
import { Figures } from './Figures'
import { FirstSteps } from './FirstSteps'
import { Heartbeats } from './Heartbeats'
import { useLiveCharts } from './queries'
import { System } from './System'
import { Throughput } from './Throughput'
import { Verdict } from './Verdict'
import { Waiting } from './Waiting'

/** Is it all right? And if not, what is there to do? */
export function OverviewPage() {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  const [reads, pools] = [may(me, 'task:read'), may(me, 'pool:read')]
  const { data: counts } = useQuery({ ...statsQuery, enabled: reads })
  const { data: sessions } = useQuery({ ...sessionsQuery, enabled: pools })
  useLiveCharts()
  const isNew = sessions?.length === 0 || counts?.total === 0
  return (
    <Page title={t('nav.overview')}>
      <Verdict />
      <Ill />
      {isNew && <FirstSteps hasSession={!!sessions?.length} />}
      {reads && !isNew && (
        <>
          <Figures />
          <Throughput />
        </>
      )}
      <div className="mt-10 grid gap-x-12 gap-y-8 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        {pools && <Heartbeats />}
        <div className="flex min-w-0 flex-col gap-8">
          {pools && reads && <Waiting />}
          <System />
        </div>
      </div>
    </Page>
  )
}

/** The parts that are not well, with what to do; nothing while all are. */
function Ill() {
  const { data: health } = useQuery(healthQuery)
  const ill = health?.components?.some(({ state }) => state === 'degraded' || state === 'down') ?? false
  return ill && <HealthReport />
}
