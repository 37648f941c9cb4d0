import { useTranslation } from 'react-i18next'
import { Link } from 'react-aria-components'
import { buttonLook } from '../ui/Button'
import { Problem } from '../ui/Field'

/** The codes with which the gateway sends people back here. */
const reasons = [
  'state',
  'replayed',
  'denied',
  'provider_refused',
  'provider_unavailable',
  'token',
  'no_role',
  'unavailable',
] as const

/** Where one was before, without the reason why an earlier try failed. */
function here(): string {
  const { pathname, search } = window.location
  return pathname === '/signin' ? '/' : pathname + search
}

export function WithProvider({ label }: { label: string }) {
  const { t } = useTranslation()
  const code = new URLSearchParams(window.location.search).get('error')
  const reason = reasons.find((known) => known === code)
  return (
    <div className="mt-5 border-b border-line pb-6">
      <Link
        href={`/auth/login?${new URLSearchParams({ return_to: here() })}`}
        className={`${buttonLook('primary')} h-11 w-full`}
      >
        {t('signIn.with', { provider: label })}
      </Link>
      {window.location.pathname === '/signin' && code && (
        <Problem>{reason ? t(`signIn.refused.${reason}`) : t('signIn.refused.unknown', { code })}</Problem>
      )}
    </div>
  )
}
