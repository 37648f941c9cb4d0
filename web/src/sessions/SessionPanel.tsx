import { useState, type ReactNode } from 'react'
import { useSuspenseQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Input, Label, NumberField, TextField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import { may } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button, buttonLook } from '../ui/Button'
import { Copy } from '../ui/Copy'
import { Confirm, Dialog } from '../ui/Dialog'
import { useErrorText } from '../ui/ErrorNote'
import { labelLook } from '../ui/Field'
import { Moment } from '../ui/Moment'
import { Pick } from '../ui/Pick'
import { say } from '../ui/Toasts'
import { fieldLook } from './fieldLook'
import { actions, useChange } from './queries'
import { isOnTrial, nameOf, type Session } from './state'
import { StateWord } from './StateWord'

interface Props {
  session: Session
  onClose: () => void
  onTest: (ids: string[]) => void
  isTesting: boolean
}

/** One session: how it stands, what the upstream said, and what can be done. */
export function SessionPanel({ session, onClose, onTest, isTesting }: Props) {
  const { t } = useTranslation()
  const { data: me } = useSuspenseQuery(meQuery)
  return (
    <Dialog title={nameOf(session)} isOpen onClose={onClose} isWide>
      <div className="mt-2 text-sm">
        <p className="flex flex-wrap items-baseline gap-x-3">
          <StateWord session={session} />
          <span className="text-soft">{useSays(session)}</span>
        </p>
        {session.reason && (
          <section className="mt-3">
            <h3 className={labelLook}>{t('sessions.panel.reason')}</h3>
            <p
              dir="auto"
              // What scrolls has to be reached by keyboard.
              // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
              tabIndex={0}
              className="mt-1 max-h-60 overflow-auto rounded-md bg-well px-3 py-2 break-words whitespace-pre-wrap"
            >
              {session.reason}
            </p>
          </section>
        )}
        <Facts session={session} />
        <div className="mt-4 flex flex-wrap gap-2">
          {may(me, 'session:test') && (
            <Button isBusy={isTesting} onPress={() => onTest([session.id])}>
              {isTesting ? t('sessions.testing') : t('sessions.test')}
            </Button>
          )}
          {may(me, 'admin') && <Switches session={session} onRemoved={onClose} />}
          {may(me, 'task:read') && (
            <Link to="/tasks" search={{ session: session.id }} className={buttonLook('quiet')}>
              {t('sessions.panel.tasks')}
            </Link>
          )}
        </div>
        {may(me, 'admin') && <Edit key={session.id} session={session} />}
        <div className="mt-5 flex justify-end">
          <Button look="quiet" onPress={onClose}>
            {t('action.close')}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

/** Whether it may take a task now, or why not. */
function useSays(session: Session): string {
  const { t } = useTranslation()
  const format = useFormat()
  const { code, free, slots, until } = session
  return t(`sessions.says.${code === 'ready' && isOnTrial(session) ? 'ready_trial' : code}`, {
    free: format.number(free),
    slots: format.number(slots),
    when: until ? format.dateTime(until) : '–',
  })
}

function Facts({ session }: { session: Session }) {
  const { t } = useTranslation()
  const format = useFormat()
  const never = t('sessions.panel.never')
  const facts: [string, ReactNode][] = [
    [t('sessions.column.running'), t('sessions.running', { running: session.running, slots: session.slots })],
    [t('sessions.upstream'), session.upstream],
    [
      t('sessions.column.credits'),
      session.credits === null ? t('sessions.panel.unknown') : format.number(session.credits),
    ],
    [
      t('sessions.panel.attempts'),
      t('sessions.panel.attemptsText', {
        succeeded: format.number(session.succeeded),
        failed: format.number(session.failed),
      }),
    ],
    [t('sessions.column.used'), session.last_used_at ? <Moment at={session.last_used_at} /> : never],
    [t('sessions.panel.probed'), session.probed_at ? <Moment at={session.probed_at} /> : never],
    [t('sessions.panel.created'), <Moment key="created" at={session.created_at} />],
    [t('sessions.panel.secret'), <code key="secret">{session.session_id}</code>],
  ]
  if (session.credits_expire)
    facts.push([t('sessions.panel.creditsExpire'), <Moment key="expire" at={session.credits_expire} />])
  if (session.until) facts.push([t('sessions.panel.until'), <Moment key="until" at={session.until} />])
  return (
    <>
      <dl className="mt-4 grid gap-x-6 gap-y-1.5 sm:grid-cols-2">
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-3">
            <dt className="w-28 shrink-0 text-soft">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-1.5 flex items-center gap-3">
        <span className="w-28 shrink-0 text-soft">{t('sessions.panel.id')}</span>
        <code className="min-w-0 truncate font-mono text-xs">{session.id}</code>
        <Copy text={session.id} label={t('action.copy')} isIcon />
      </p>
    </>
  )
}

/** Enable, disable, cool, bring back, delete. */
function Switches({ session, onRemoved }: { session: Session; onRemoved: () => void }) {
  const { t } = useTranslation()
  const [asked, setAsked] = useState<'cool' | 'remove' | null>(null)
  const name = nameOf(session)
  const change = useChange((enabled: boolean) => actions.change(session.id, { enabled }))
  const back = useChange(() => actions.bringBack(session.id))
  const remove = useChange(() => actions.remove(session.id))
  const problem = useErrorText(change.error ?? back.error)
  const bringBack = () =>
    back.mutate(undefined, { onSuccess: ({ became }) => say(t(`sessions.done.${became}`, { name })) })
  const toggle = () =>
    change.mutate(!session.enabled, {
      onSuccess: ({ enabled }) =>
        say(t(enabled ? 'sessions.done.enabled' : 'sessions.done.disabled', { count: 1, formatted: '1' })),
    })
  return (
    <>
      <Button isBusy={change.isPending} onPress={toggle}>
        {session.enabled ? t('sessions.disable') : t('sessions.enable')}
      </Button>
      {session.enabled && session.state !== 'ready' && (
        <Button isBusy={back.isPending} onPress={bringBack}>
          {t('sessions.bringBack')}
        </Button>
      )}
      {session.enabled && session.state !== 'dead' && (
        <Button onPress={() => setAsked('cool')}>{t('sessions.cool')}</Button>
      )}
      <Button onPress={() => setAsked('remove')}>{t('sessions.remove')}</Button>
      {(change.isError || back.isError) && (
        <p role="alert" className="w-full text-red">
          {t('sessions.failed', { message: problem })}
        </p>
      )}
      <Cool session={session} isOpen={asked === 'cool'} onClose={() => setAsked(null)} />
      <Confirm
        title={t('sessions.removing.title', { name })}
        action={t('sessions.removing.submit')}
        isOpen={asked === 'remove'}
        onClose={() => setAsked(null)}
        onConfirm={async () => {
          await remove.mutateAsync(undefined)
          say(t('sessions.done.removed', { name }))
          onRemoved()
        }}
      >
        {t('sessions.removing.text')}
      </Confirm>
    </>
  )
}

const pauses = [10, 30, 60, 360, 1440]

function Cool({ session, isOpen, onClose }: { session: Session; isOpen: boolean; onClose: () => void }) {
  const { t } = useTranslation()
  const [minutes, setMinutes] = useState('10')
  const [reason, setReason] = useState('')
  const cool = useChange(() =>
    actions.cool(session.id, { seconds: Number(minutes) * 60, reason: reason || undefined }),
  )
  const problem = useErrorText(cool.error)
  const name = nameOf(session)
  const submit = () =>
    cool.mutate(undefined, {
      onSuccess: () => {
        say(t('sessions.done.cooled', { name }))
        onClose()
      },
    })
  return (
    <Dialog title={t('sessions.cooling.title', { name })} isOpen={isOpen} onClose={onClose}>
      <div className="mt-2 flex flex-col gap-4 text-sm">
        <p className="text-soft">{t('sessions.cooling.text')}</p>
        <Pick
          label={t('sessions.cooling.pause')}
          value={minutes}
          onChange={setMinutes}
          options={pauses.map((n) => ({
            id: String(n),
            content:
              n < 60 ? t('sessions.cooling.minutes', { n }) : t('sessions.cooling.hours', { n: n / 60 }),
          }))}
        />
        <TextField value={reason} onChange={setReason} maxLength={500}>
          <Label className={labelLook}>{t('sessions.cooling.reason')}</Label>
          <Input className={fieldLook} dir="auto" />
        </TextField>
        {cool.isError && (
          <p role="alert" className="text-red">
            {t('sessions.failed', { message: problem })}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button look="quiet" onPress={onClose}>
            {t('action.back')}
          </Button>
          <Button look="primary" isBusy={cool.isPending} onPress={submit}>
            {t('sessions.cooling.submit')}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

function Edit({ session }: { session: Session }) {
  const { t } = useTranslation()
  const [label, setLabel] = useState(session.label)
  const [slots, setSlots] = useState(session.slots)
  const save = useChange(() => actions.change(session.id, { label, slots }))
  const problem = useErrorText(save.error)
  return (
    <section className="mt-5 border-t border-line pt-4">
      <h3 className="sr-only">{t('sessions.panel.edit')}</h3>
      <div className="flex flex-wrap items-end gap-3">
        <TextField value={label} onChange={setLabel} maxLength={200} className="min-w-40 flex-1">
          <Label className={labelLook}>{t('sessions.adding.label')}</Label>
          <Input className={fieldLook} dir="auto" />
        </TextField>
        <NumberField value={slots} onChange={setSlots} minValue={1} maxValue={1000} className="w-24">
          <Label className={labelLook}>{t('sessions.column.running')}</Label>
          <Input className={fieldLook} />
        </NumberField>
        <Button
          isBusy={save.isPending}
          onPress={() => save.mutate(undefined, { onSuccess: () => say(t('action.saved')) })}
        >
          {t('action.save')}
        </Button>
      </div>
      {save.isError && (
        <p role="alert" className="mt-2 text-red">
          {t('sessions.failed', { message: problem })}
        </p>
      )}
    </section>
  )
}
