import { useState } from 'react'
import { Input, Label, NumberField, Text, TextArea, TextField } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../api/types'
import { useFormat } from '../i18n/format'
import { Button } from '../ui/Button'
import { Choose } from '../ui/Choose'
import { Dialog } from '../ui/Dialog'
import { useErrorText } from '../ui/ErrorNote'
import { labelLook } from '../ui/Field'
import { fieldLook } from './fieldLook'
import { findSessions, masked, type Found } from './find'
import { actions, useChange } from './queries'
import { nameOf, type Session } from './state'

/** As many as one request takes. */
const most = 1000
/** As many as the preview shows. */
const inPreview = 50

interface Props {
  isOpen: boolean
  onClose: () => void
  sessions: Session[]
  upstreams: string[]
  onTest: (ids: string[]) => void
}

/** Adds one session or many: what is pasted is looked through before anything is sent. */
export function AddSessions(props: Props) {
  const { t } = useTranslation()
  return (
    <Dialog title={t('sessions.add')} isOpen={props.isOpen} onClose={props.onClose} isWide>
      <Adding {...props} />
    </Dialog>
  )
}

function Adding({ onClose, sessions, upstreams, onTest }: Props) {
  const { t } = useTranslation()
  const format = useFormat()
  const [text, setText] = useState('')
  const [label, setLabel] = useState('')
  const [slots, setSlots] = useState(2)
  const [upstream, setUpstream] = useState(upstreams[0] ?? null)
  const add = useChange(actions.import)
  const problem = useErrorText(add.error)
  const { found, unclear } = findSessions(text)
  const meant = found.filter(({ isRepeated }) => !isRepeated).slice(0, most)
  const only = meant.length === 1

  if (add.data) return <Added answer={add.data} onClose={onClose} onTest={onTest} />

  const submit = () =>
    add.mutate(
      {
        upstream: upstream ?? undefined,
        slots,
        sessions: meant.map((one) => ({
          session_id: one.secret,
          label: one.label ?? (only ? label : undefined),
          slots: one.slots,
          upstream: one.upstream,
        })),
      },
      { onSuccess: () => setText('') }, // secrets are not kept
    )

  return (
    <div className="mt-4 flex flex-col gap-4">
      <TextField value={text} onChange={setText}>
        <Label className={labelLook}>{t('sessions.adding.paste')}</Label>
        <TextArea
          rows={5}
          spellCheck={false}
          autoComplete="off"
          className={`${fieldLook} resize-y py-2 font-mono text-xs`}
        />
        <Text slot="description" className="mt-1 block text-xs text-soft">
          {t('sessions.adding.hint')}
        </Text>
      </TextField>
      {found.length > 0 && <Preview found={found} sessions={sessions} />}
      {unclear[0] && (
        <p role="status" className="truncate text-xs text-amber">
          {t('sessions.adding.unclear', {
            count: unclear.length,
            formatted: format.number(unclear.length),
            line: unclear[0].slice(0, 12) + '…', // it may be a secret after all
          })}
        </p>
      )}
      <div className="flex flex-wrap items-start gap-4">
        {only && !meant[0]?.label && (
          <TextField value={label} onChange={setLabel} maxLength={200} className="min-w-40 flex-1">
            <Label className={labelLook}>{t('sessions.adding.label')}</Label>
            <Input className={fieldLook} dir="auto" />
          </TextField>
        )}
        <NumberField value={slots} onChange={setSlots} minValue={1} maxValue={1000} className="w-40">
          <Label className={labelLook}>{t('sessions.adding.slots')}</Label>
          <Input className={fieldLook} />
          <Text slot="description" className="mt-1 block text-xs text-soft">
            {t('sessions.adding.slotsHint')}
          </Text>
        </NumberField>
        {upstreams.length > 1 && (
          <Choose
            label={t('sessions.upstream')}
            value={upstream}
            options={upstreams.map((id) => ({ id, text: id }))}
            onChange={setUpstream}
          />
        )}
      </div>
      {found.length > most && <p className="text-xs text-amber">{t('sessions.adding.tooMany')}</p>}
      {add.isError && (
        <p role="alert" className="text-sm text-red">
          {t('sessions.failed', { message: problem })}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button look="quiet" onPress={onClose}>
          {t('action.back')}
        </Button>
        <Button look="primary" isDisabled={meant.length === 0} isBusy={add.isPending} onPress={submit}>
          {meant.length === 0
            ? t('sessions.adding.submitNone')
            : t('sessions.adding.submit', { count: meant.length, formatted: format.number(meant.length) })}
        </Button>
      </div>
    </div>
  )
}

function Preview({ found, sessions }: { found: Found[]; sessions: Session[] }) {
  const { t } = useTranslation()
  const format = useFormat()
  const hints = new Set(sessions.map(({ session_id }) => session_id))
  const word = ({ secret, isRepeated }: Found) => {
    if (isRepeated) return t('sessions.adding.repeated')
    return secret.length >= 16 && hints.has(masked(secret))
      ? t('sessions.adding.known')
      : t('sessions.adding.new')
  }
  return (
    <div>
      <p role="status" className="text-sm">
        {t('sessions.adding.found', { count: found.length, formatted: format.number(found.length) })}
      </p>
      <div
        // What scrolls has to be reached by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-label={t('sessions.adding.preview')}
        className="mt-1 max-h-48 overflow-y-auto"
      >
        <ul className="text-sm">
          {found.slice(0, inPreview).map((one, i) => (
            <li key={i} className="flex items-baseline gap-4 border-b border-line py-1">
              <code className="shrink-0 font-mono text-xs">{masked(one.secret)}</code>
              <bdi className="min-w-0 flex-1 truncate">{one.label}</bdi>
              <span className="shrink-0 text-soft">{word(one)}</span>
            </li>
          ))}
        </ul>
        {found.length > inPreview && (
          <p className="py-1 text-xs text-soft">
            {t('sessions.adding.more', { formatted: format.number(found.length - inPreview) })}
          </p>
        )}
      </div>
    </div>
  )
}

interface AddedProps {
  answer: Schemas['ImportSessionsAnswer']
  onClose: () => void
  onTest: (ids: string[]) => void
}

/** What has become of each. */
function Added({ answer, onClose, onTest }: AddedProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const known = answer.results.filter(({ result }) => result === 'known').length
  const refused = answer.results.filter(({ result }) => result === 'refused')
  const added = answer.results.flatMap(({ session }) => session ?? [])
  return (
    <div className="mt-4 text-sm">
      <p role="status">
        {t('sessions.adding.added', { count: answer.added, formatted: format.number(answer.added) })}{' '}
        {known > 0 && t('sessions.adding.knownCount', { count: known, formatted: format.number(known) })}{' '}
        {refused.length > 0 &&
          t('sessions.adding.refused', { count: refused.length, formatted: format.number(refused.length) })}
      </p>
      <ul className="mt-1 text-red">
        {[...new Set(refused.map(({ message }) => message))].map((message) => (
          <li key={message}>{message}</li>
        ))}
      </ul>
      <p className="mt-2 truncate text-soft">{added.slice(0, 5).map(nameOf).join(', ')}</p>
      <div className="mt-5 flex justify-end gap-2">
        <Button look="quiet" onPress={onClose}>
          {t('action.close')}
        </Button>
        {added.length > 0 && (
          <Button
            look="primary"
            onPress={() => {
              onClose()
              onTest(added.map(({ id }) => id))
            }}
          >
            {t('sessions.adding.testNow')}
          </Button>
        )}
      </div>
    </div>
  )
}
