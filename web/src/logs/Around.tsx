import { useCallback, useLayoutEffect, useRef } from 'react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Button } from '../ui/Button'
import { ErrorNote } from '../ui/ErrorNote'
import { LogLine } from './LogLine'
import { aroundQuery } from './queries'

const route = getRouteApi('/logs')

interface Props {
  source: string
  line: string
  find: RegExp | null
}

/** One line, marked, with all that stands around it. */
export function Around({ source, line, find }: Props) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const box = useRef<HTMLDivElement>(null)
  const { data, error, refetch } = useQuery(aroundQuery(source, line))
  useLayoutEffect(() => {
    box.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' })
  }, [data])
  const open = useCallback(
    (line: string) => void navigate({ search: (before) => ({ ...before, source, line }) }),
    [navigate, source],
  )
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />
  const isGone = data !== undefined && !data.entries.some(({ id }) => id === line)
  return (
    <>
      <div className="mb-2 flex items-center gap-3">
        <Button
          look="primary"
          onPress={() => void navigate({ search: (before) => ({ ...before, line: undefined }) })}
        >
          {t('logs.toLive')}
        </Button>
        <p className={`text-sm ${isGone ? 'text-amber' : 'text-soft'}`}>
          {t(isGone ? 'logs.lineGone' : 'logs.around')}
        </p>
      </div>
      <div
        ref={box}
        role="region"
        aria-label={t('logs.around')}
        // A region that scrolls has to be reached by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="h-[62dvh] min-h-60 overflow-auto overscroll-contain rounded-md bg-well p-2 font-mono text-2xs"
      >
        <ul>
          {data?.entries.map((entry) => (
            <LogLine key={entry.id} entry={entry} find={find} isNamed={entry.id === line} onOpen={open} />
          ))}
        </ul>
      </div>
    </>
  )
}
