import { useState } from 'react'
import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { may, type Schemas } from '../api/types'
import { Page } from '../frame/Shell'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { Confirm } from '../ui/Dialog'
import { Empty } from '../ui/Empty'
import { ErrorNote } from '../ui/ErrorNote'
import { Pick } from '../ui/Pick'
import { endSignIn, signInKeys, signInsQuery } from './queries'
import { People } from './People'
import { SignInRow } from './SignInRow'

const route = getRouteApi('/sign-ins')

/** Where one is signed in, and for admins where everybody is. */
export function SignInsPage() {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const { of } = route.useSearch()
  const { data: me } = useSuspenseQuery(meQuery)
  const isAdmin = may(me, 'admin')
  const all = isAdmin && of === 'all'
  const { data: signIns, error, refetch } = useQuery(signInsQuery(all))
  return (
    <Page title={t('nav.signins')}>
      <div className="max-w-4xl">
        <div className="flex flex-wrap items-end gap-x-6 gap-y-2">
          <p className="mr-auto text-sm text-soft">{t(all ? 'signins.introAll' : 'signins.intro')}</p>
          {isAdmin && (
            <Pick
              label={t('signins.whose')}
              value={all ? 'all' : 'mine'}
              options={[
                { id: 'mine', content: t('signins.mine') },
                { id: 'all', content: t('signins.everybody') },
              ]}
              onChange={(id) =>
                void navigate({ search: { of: id === 'all' ? 'all' : undefined }, replace: true })
              }
            />
          )}
        </div>
        {error && <ErrorNote error={error} onRetry={() => void refetch()} />}
        {signIns?.length === 0 && <Empty title={t('signins.empty')}>{t('signins.emptyHint')}</Empty>}
        {signIns && signIns.length > 0 && (
          <ul className="mt-4">
            {signIns.map((signIn) => (
              <SignInRow key={signIn.id} signIn={signIn} withOwner={all} />
            ))}
          </ul>
        )}
        {signIns && !all && <EndOthers others={signIns.filter(({ current }) => !current)} />}
        {all && <People />}
      </div>
    </Page>
  )
}

function EndOthers({ others }: { others: Schemas['SignIn'][] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const client = useQueryClient()
  const [isOpen, setOpen] = useState(false)
  const numbers = { count: others.length, formatted: format.number(others.length) }
  const end = async () => {
    try {
      for (const { id } of others) await endSignIn(id)
    } finally {
      await client.invalidateQueries({ queryKey: signInKeys.all })
    }
  }
  // The dialog stays mounted while the list empties, so that it can close by itself.
  return (
    <>
      {others.length > 0 && (
        <Button className="mt-4" onPress={() => setOpen(true)}>
          {t('signins.endOthers')}
        </Button>
      )}
      <Confirm
        title={t('signins.endOthersTitle')}
        action={t('signins.endOthersAction', numbers)}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        onConfirm={end}
      >
        {t('signins.endOthersText', numbers)}
      </Confirm>
    </>
  )
}
