import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import { Button } from './Button'

interface Props {
  error: unknown
  onRetry: () => void
}

/** A place that could not be filled: what happened, and the next step. */
export function ErrorNote({ error, onRetry }: Props) {
  const { t } = useTranslation()
  return (
    <div role="alert" className="py-6 text-sm">
      <p>{t('error.load', { message: useErrorText(error) })}</p>
      <Button onPress={onRetry} className="mt-3">
        {t('error.again')}
      </Button>
    </div>
  )
}

/** An error in the reader's language where we have words for it, else the gateway's own. */
export function useErrorText(error: unknown): string {
  const { t } = useTranslation()
  if (error instanceof ApiError && error.status === 0) return t('error.noAnswer')
  return error instanceof Error ? error.message : String(error)
}
