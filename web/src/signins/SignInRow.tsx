import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { Button } from '../ui/Button'
import { useErrorText } from '../ui/ErrorNote'
import { Moment } from '../ui/Moment'
import { say } from '../ui/Toasts'
import { browserName } from './browserName'
import { endSignIn, signInKeys } from './queries'

/** One browser in which somebody is signed in. */
export function SignInRow({ signIn, withOwner }: { signIn: Schemas['SignIn']; withOwner: boolean }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const end = useMutation({
    mutationFn: () => endSignIn(signIn.id),
    onSuccess: () => say(t('signins.ended')),
    onSettled: () => client.invalidateQueries({ queryKey: signInKeys.all }),
  })
  const problem = useErrorText(end.error)
  const known = browserName(signIn.user_agent)
  const browser =
    known === null
      ? t('signins.unknownBrowser')
      : known.system === null
        ? known.browser
        : t('signins.browserOn', { browser: known.browser, system: known.system })
  return (
    <li className="flex items-center gap-4 border-t border-line py-2.5 text-sm">
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-baseline gap-x-2.5">
          <span className="font-medium" title={signIn.user_agent ?? undefined}>
            {browser}
          </span>
          {signIn.current && <span className="text-green">{t('signins.current')}</span>}
          {withOwner && (
            <span className="min-w-0 truncate" dir="auto">
              {signIn.name}
              {signIn.role && <span className="text-soft"> · {signIn.role}</span>}
            </span>
          )}
        </p>
        <p className="flex flex-wrap gap-x-2.5 text-soft">
          {signIn.address && <span>{t('signins.from', { address: signIn.address })}</span>}
          {signIn.seen_at && (
            <span>
              {t('signins.seen')} <Moment at={signIn.seen_at} />
            </span>
          )}
          <span>
            {t('signins.since')} <Moment at={signIn.created_at} />
          </span>
          {signIn.expires_at && (
            <span>
              {t('signins.until')} <Moment at={signIn.expires_at} />
            </span>
          )}
        </p>
        {end.error && (
          <p role="alert" className="text-red">
            {t('signins.failed', { message: problem })}
          </p>
        )}
      </div>
      {!signIn.current && (
        <Button
          aria-label={t('signins.endOf', { browser, name: signIn.name })}
          isBusy={end.isPending}
          onPress={() => end.mutate()}
        >
          {t('signins.end')}
        </Button>
      )}
    </li>
  )
}
