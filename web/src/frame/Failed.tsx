import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Button, buttonLook } from '../ui/Button'

/** A fault of the dashboard itself; the rest of the frame goes on working. */
export function PageFailed({ error, reset }: { error: unknown; reset: () => void }) {
  const { t } = useTranslation()
  return (
    <main id="content" tabIndex={-1} className="mx-auto w-full outline-none max-w-prose px-5 py-16">
      <h1 className="text-lg font-semibold">{t('error.title')}</h1>
      <p className="mt-2 font-mono text-xs break-words text-soft">
        {error instanceof Error ? error.message : String(error)}
      </p>
      <Button onPress={reset} className="mt-4">
        {t('error.again')}
      </Button>
    </main>
  )
}

export function PageNotFound() {
  const { t } = useTranslation()
  return (
    <main id="content" tabIndex={-1} className="mx-auto w-full max-w-prose px-5 py-16 outline-none">
      <h1 className="text-lg font-semibold">{t('error.notFound')}</h1>
      <Link to="/" className={`${buttonLook('plain')} mt-4`}>
        {t('error.toOverview')}
      </Link>
    </main>
  )
}
