import { useState, type SyntheticEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { Input, Label, TextField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import { signIn } from '../api/queries'
import type { Me } from '../api/types'
import { Settings } from '../frame/Settings'
import { Mark } from '../frame/Mark'
import { Button } from '../ui/Button'
import { Code } from '../ui/Code'
import { labelLook, Problem } from '../ui/Field'
import { useSignedIn } from './useSession'
import { WithProvider } from './WithProvider'

export function SignIn({ me }: { me: Me }) {
  const { t } = useTranslation()
  return (
    <div className="flex min-h-dvh flex-col px-5">
      <div className="flex justify-end gap-0.5 py-2.5">
        <Settings />
      </div>
      <main className="mx-auto w-full max-w-88 pt-[14vh] pb-10">
        <Mark />
        <h1 className="mt-8 text-xl font-semibold">{t('signIn.title')}</h1>
        {me.first_start && !me.single_sign_on && <FirstStart />}
        {me.single_sign_on && <WithProvider label={me.single_sign_on} />}
        <WithKey first={!me.single_sign_on} />
      </main>
    </div>
  )
}

/** The way to a first task where nobody has a key yet. */
function FirstStart() {
  const { t } = useTranslation()
  return (
    <section aria-labelledby="first-start" className="mt-4 text-sm">
      <h2 id="first-start" className="font-semibold">
        {t('signIn.first.title')}
      </h2>
      <ol className="mt-2 flex list-decimal flex-col gap-2 pl-4 text-soft marker:text-soft">
        <li>
          {t('signIn.first.key')}
          <div className="my-1.5 text-ink">
            <Code text="jimeng-gateway jimeng key add admin --scopes admin" label={t('signIn.first.copy')} />
          </div>
        </li>
        <li>{t('signIn.first.signIn')}</li>
        <li>{t('signIn.first.session')}</li>
      </ol>
    </section>
  )
}

function WithKey({ first }: { first: boolean }) {
  const { t } = useTranslation()
  const signedIn = useSignedIn()
  const [key, setKey] = useState('')
  const [empty, setEmpty] = useState(false)
  const exchange = useMutation({ mutationFn: signIn, onSuccess: signedIn })
  const problem = useProblem(exchange.error, empty)

  function submit(event: SyntheticEvent) {
    event.preventDefault()
    const trimmed = key.trim()
    setEmpty(trimmed === '')
    if (trimmed !== '' && !exchange.isPending) exchange.mutate(trimmed)
  }

  return (
    <>
      <form onSubmit={submit} noValidate className="mt-5">
        <TextField type="password" value={key} onChange={setKey} isInvalid={problem !== null}>
          <Label className={labelLook}>{t('signIn.key')}</Label>
          <Input
            // The one field of the page that people came to fill in.
            // eslint-disable-next-line jsx-a11y/no-autofocus
            autoFocus={first}
            autoComplete="current-password"
            placeholder="gw_"
            aria-describedby="key-problem key-hint"
            className="mt-1 h-11 w-full rounded-lg border border-edge bg-ground px-3 font-mono text-base data-[focused]:border-accent data-[invalid]:border-red"
          />
        </TextField>
        <div id="key-problem">{problem && <Problem>{problem}</Problem>}</div>
        <Button
          type="submit"
          look={first ? 'primary' : 'plain'}
          isBusy={exchange.isPending}
          className="mt-4 h-11 w-full"
        >
          {exchange.isPending ? t('signIn.signingIn') : t('signIn.submit')}
        </Button>
      </form>
      <p id="key-hint" className="mt-6 text-xs text-soft">
        {t('signIn.keyHint')}
      </p>
      <p className="mt-2 text-xs text-soft">{t('signIn.stored')}</p>
    </>
  )
}

function useProblem(error: Error | null, empty: boolean): string | null {
  const { t } = useTranslation()
  if (empty) return t('signIn.empty')
  if (error === null) return null
  if (!(error instanceof ApiError)) return error.message
  if (error.unavailable) return t('signIn.down')
  if (error.status === 429) return t('signIn.limited')
  if (error.status === 403) return t('signIn.forbidden', { message: error.message })
  return t('signIn.wrong')
}
