import { useState } from 'react'
import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { keys, meQuery } from '../api/queries'
import { may, type Container } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { Confirm } from '../ui/Dialog'
import { say } from '../ui/Toasts'
import { mayRestartQuery, restartContainer } from './queries'

const width = 120
const height = 24

/** What a container has used in the last minutes: CPU as a line, memory as a ground. */
export function ContainerLoad({ container: { loads } }: { container: Container }) {
  const { t } = useTranslation()
  const format = useFormat()
  const last = loads.at(-1)
  if (!last || loads.length < 2) return null
  const label = t('container.chart', { cpu: format.percent(last.cpu), memory: format.bytes(last.memory) })
  const cpu = line(loads.map(({ cpu }) => cpu))
  const memory = line(loads.map(({ memory }) => memory))
  return (
    <svg role="img" aria-label={label} width={width} height={height} className="shrink-0 rounded-sm bg-well">
      <title>{label}</title>
      <polygon points={`0,${height} ${memory} ${width},${height}`} className="fill-hover" />
      <polyline points={cpu} className="fill-none stroke-accent" strokeWidth="1.5" />
    </svg>
  )
}

/** The points of a line from the left to the right edge, with its highest value near the top. */
function line(values: number[]): string {
  const highest = Math.max(...values) || 1
  return values
    .map((value, index) => {
      const x = (index / (values.length - 1)) * width
      return `${x.toFixed(1)},${(height - 1 - (value / highest) * (height - 4)).toFixed(1)}`
    })
    .join(' ')
}

/** For admins, where the configuration allows it. */
export function RestartButton({ name }: { name: string }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { data: me } = useSuspenseQuery(meQuery)
  const { data: isAllowed } = useQuery(mayRestartQuery)
  const [isOpen, setOpen] = useState(false)
  if (!isAllowed || !may(me, 'admin')) return null
  const restart = async () => {
    await restartContainer(name)
    say(t('container.restarted', { name }))
    await client.invalidateQueries({ queryKey: keys.containers })
  }
  return (
    <>
      <Button onPress={() => setOpen(true)}>{t('container.restart')}</Button>
      <Confirm
        title={t('container.restartTitle', { name })}
        action={t('container.restartAction', { name })}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        onConfirm={restart}
      >
        {t('container.restartText')}
      </Confirm>
    </>
  )
}
