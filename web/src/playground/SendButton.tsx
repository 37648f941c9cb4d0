import { ProgressBar } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import type { Draft } from '../api/upload'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { Problem } from '../ui/Field'
import type { useCreateTask } from './useCreateTask'

interface Props {
  draft: Draft
  create: ReturnType<typeof useCreateTask>
  mayCreate: boolean
}

/** Says what will happen, and while it happens how far it is. */
export function SendButton({ draft, create, mayCreate }: Props) {
  const { t } = useTranslation()
  const what = draft.duration ? t('form.seconds_video', { n: draft.duration }) : t('form.video')
  if (!mayCreate) return <p className="text-sm text-soft">{t('form.forbidden')}</p>
  if (create.isPending) return <Upload create={create} hasFiles={draft.files.length > 0} />
  return (
    <div>
      <div className="flex items-center gap-3">
        <Button type="submit" look="primary" className="h-10 px-5 text-base">
          {t('form.generate', { what })}
        </Button>
        <kbd className="font-sans text-2xs text-soft pointer-coarse:hidden">{t('form.shortcut')}</kbd>
      </div>
      <SendProblem error={create.error} />
    </div>
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
