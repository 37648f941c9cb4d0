import { ProgressBar } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import type { Schemas } from '../api/types'
import { isFile, type Draft } from '../api/upload'
import { clock, useFormat } from '../i18n/format'
import { useNow } from '../i18n/useNow'
import { Button } from '../ui/Button'
import { Problem } from '../ui/Field'
import type { useCreateTask } from './useCreateTask'

type Estimate = Schemas['EstimateAnswer'] | undefined

interface Props {
  draft: Draft
  create: ReturnType<typeof useCreateTask>
  mayCreate: boolean
  estimate: Estimate
}

/** Says what will happen, and while it happens how far it is. */
export function SendButton({ draft, create, mayCreate, estimate }: Props) {
  const { t } = useTranslation()
  const forecast = useForecast(estimate)
  if (!mayCreate) return <p className="text-sm text-soft">{t('form.forbidden')}</p>
  if (create.isPending) return <Upload create={create} hasFiles={draft.materials.some(isFile)} />
  return (
    <div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Button type="submit" look="primary" className="h-10 px-5 text-base max-sm:w-full">
          {[t('form.generate'), ...forecast].join(' · ')}
        </Button>
        <kbd className="font-sans text-2xs text-soft pointer-coarse:hidden">{t('form.shortcut')}</kbd>
      </div>
      <WhyNotSooner estimate={estimate} />
      <SendProblem error={create.error} />
    </div>
  )
}

/** Within this time it starts at once, in milliseconds. */
const atOnce = 3000

function useForecast(estimate: Estimate): string[] {
  const { t } = useTranslation()
  const format = useFormat()
  const now = useNow(!!estimate?.eta?.starts_at)
  if (!estimate?.valid) return []
  const words: string[] = []
  if (estimate.credits !== null)
    words.push(t('form.credits', { count: estimate.credits, formatted: format.number(estimate.credits) }))
  const startsAt = estimate.eta?.starts_at
  if (startsAt) {
    const left = Date.parse(startsAt) - now
    words.push(left < atOnce ? t('form.startsNow') : t('form.startsIn', { time: clock(left) }))
  }
  return words
}

/** Why it would wait, where that is not a matter of seconds. */
function WhyNotSooner({ estimate }: { estimate: Estimate }) {
  const { t } = useTranslation()
  const now = useNow()
  if (!estimate?.valid || estimate.why_not_sooner.length === 0) return null
  const startsAt = estimate.eta?.starts_at
  if (startsAt && Date.parse(startsAt) - now < atOnce) return null
  return (
    <p className="mt-2 max-w-prose text-xs text-soft">
      {t('form.waits')} {estimate.why_not_sooner.map((reason) => t(`reason.${reason.code}`)).join(' · ')}
    </p>
  )
}

/** What is not said at a field already. */
function SendProblem({ error }: { error: Error | null }) {
  const { t } = useTranslation()
  const shownAtField = ['prompt', 'model', 'duration', 'ratio', 'resolution', 'files', 'file_paths']
  if (error === null) return null
  if (!(error instanceof ApiError)) return <Problem>{t('form.failed', { message: error.message })}</Problem>
  if ([0, 502, 504].includes(error.status)) return <Problem>{t('form.lost')}</Problem>
  if (Object.keys(error.fields).some((field) => shownAtField.includes(field))) return null
  return <Problem>{t('form.failed', { message: error.message })}</Problem>
}

function Upload({ create, hasFiles }: { create: Props['create']; hasFiles: boolean }) {
  const { t } = useTranslation()
  const format = useFormat()
  const uploading = hasFiles && create.sent < 1
  const text = uploading ? t('form.uploading', { percent: format.percent(create.sent) }) : t('form.sending')
  return (
    <div className="flex h-10 items-center gap-3">
      <ProgressBar aria-label={text} value={create.sent * 100} className="flex-1">
        <p role="status" className="text-xs text-soft">
          {text}
        </p>
        <svg
          aria-hidden
          viewBox="0 0 100 1"
          preserveAspectRatio="none"
          className="mt-1 h-1 w-full rounded-full bg-well"
        >
          <rect width={create.sent * 100} height="1" className="fill-accent-fill" />
        </svg>
      </ProgressBar>
      <Button onPress={create.stop}>{t('form.stop')}</Button>
    </div>
  )
}
