import { useMemo, useState, type ReactNode } from 'react'
import {
  Checkbox,
  CheckboxGroup,
  FieldError,
  Form,
  Input,
  Label,
  NumberField,
  Text,
  TextArea,
  TextField,
} from 'react-aria-components'
import { Check } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/http'
import type { Schemas } from '../api/types'
import { Button } from '../ui/Button'
import { useErrorText } from '../ui/ErrorNote'
import { labelLook } from '../ui/Field'
import { fieldLook } from '../sessions/fieldLook'
import { changeOf, formOf, names, numbers, scopes, type Form as Fields } from './fields'

interface Props {
  /** The key to change, none for a new one. */
  value?: Schemas['Key']
  action: string
  isBusy: boolean
  error: Error | null
  onSubmit: (change: Schemas['ChangeKeyRequest']) => void
}

/** All that a key may be given. */
export function KeyForm({ value, action, isBusy, error, onSubmit }: Props) {
  const { t } = useTranslation()
  const [was] = useState(() => formOf(value))
  const [form, setForm] = useState(was)
  const [badJson, setBadJson] = useState(false)
  const set = (change: Partial<Fields>) => setForm((form) => ({ ...form, ...change }))
  // A new object would bring back what a change of its field has cleared.
  const errors = useMemo(() => {
    const fields = error instanceof ApiError ? error.fields : {}
    return {
      ...fields,
      expires: fields.expires_at ?? '',
      metadata: badJson ? t('keys.badJson') : (fields.metadata ?? ''),
    }
  }, [error, badJson, t])
  const text = useErrorText(error)
  const submit = () => {
    try {
      setBadJson(false)
      onSubmit(changeOf(was, form))
    } catch {
      setBadJson(true)
    }
  }
  const texts = (name: 'name' | 'models' | 'networks') => (
    <TextField name={name} value={form[name]} onChange={(text) => set({ [name]: text })}>
      <Label className={labelLook}>{t(`keys.field.${name}`)}</Label>
      <Input className={fieldLook} dir="auto" />
      {name !== 'name' && <Hint>{t(`keys.hint.${name}`)}</Hint>}
      <FieldError className="mt-1 block text-xs text-red" />
    </TextField>
  )
  return (
    <Form
      // The gateway decides whether the form is right, not what it said of the one before.
      validationBehavior="aria"
      validationErrors={errors}
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
      className="mt-4 flex flex-col gap-5 text-sm"
    >
      {texts('name')}
      <Group title={t('keys.group.may')}>
        <CheckboxGroup
          name="scopes"
          aria-label={t('keys.field.scopes')}
          value={form.scopes}
          onChange={(scopes) => set({ scopes })}
          className="grid gap-x-4 sm:col-span-2 sm:grid-cols-2"
        >
          {scopes.map((scope) => (
            <Checkbox
              key={scope}
              value={scope}
              className="group target flex cursor-pointer items-center gap-2"
            >
              <span className="flex size-4 shrink-0 items-center justify-center rounded border border-edge text-transparent group-data-[selected]:border-accent-fill group-data-[selected]:bg-accent-fill group-data-[selected]:text-white">
                <Check aria-hidden size={12} strokeWidth={3} />
              </span>
              <span>
                {t(`keys.scope.${wordOf(scope)}`)} <code className="text-2xs text-soft">{scope}</code>
              </span>
            </Checkbox>
          ))}
          <FieldError className="text-xs text-red" />
        </CheckboxGroup>
        {texts('models')}
      </Group>
      {(['pace', 'money', 'files'] as const).map((group) => (
        <Group key={group} title={t(`keys.group.${group}`)}>
          {names
            .filter((name) => numbers[name].group === group)
            .map((name) => (
              <NumberField
                key={name}
                name={name}
                value={form.numbers[name]}
                onChange={(n) => set({ numbers: { ...form.numbers, [name]: n } })}
                minValue={numbers[name].min}
                maxValue={numbers[name].max}
                formatOptions={{ maximumFractionDigits: 3 }}
              >
                <Label className={labelLook}>{t(`keys.field.${name}`)}</Label>
                <Input className={fieldLook} />
                <Hint>{t(`keys.hint.${name}`)}</Hint>
                <FieldError className="mt-1 block text-xs text-red" />
              </NumberField>
            ))}
        </Group>
      ))}
      <Group title={t('keys.group.where')}>
        {texts('networks')}
        <TextField
          name="expires"
          type="datetime-local"
          value={form.expires}
          onChange={(expires) => set({ expires })}
        >
          <Label className={labelLook}>{t('keys.field.expires')}</Label>
          <Input className={fieldLook} />
          <Hint>{t('keys.hint.expires')}</Hint>
          <FieldError className="mt-1 block text-xs text-red" />
        </TextField>
        <TextField name="metadata" value={form.metadata} onChange={(metadata) => set({ metadata })}>
          <Label className={labelLook}>{t('keys.field.metadata')}</Label>
          <TextArea rows={2} spellCheck={false} className={`${fieldLook} py-1.5 font-mono text-xs`} />
          <Hint>{t('keys.hint.metadata')}</Hint>
          <FieldError className="mt-1 block text-xs text-red" />
        </TextField>
      </Group>
      {error && (
        <p role="alert" className="text-red">
          {t('keys.failed', { message: text })}
        </p>
      )}
      <div className="flex justify-end">
        <Button type="submit" look="primary" isBusy={isBusy}>
          {action}
        </Button>
      </div>
    </Form>
  )
}

type Scope = (typeof scopes)[number]
type WordOf<S> = S extends `${infer A}:${infer B}` ? `${A}_${B}` : S

/** A colon would name a namespace of words. */
const wordOf = (scope: Scope) => scope.replace(':', '_') as WordOf<Scope>

function Hint({ children }: { children: ReactNode }) {
  return (
    <Text slot="description" className="mt-1 block text-xs text-soft">
      {children}
    </Text>
  )
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="border-t border-line pt-3">
      <legend className="float-left mb-2 w-full font-medium">{title}</legend>
      <div className="clear-both grid gap-x-4 gap-y-3 sm:grid-cols-2">{children}</div>
    </fieldset>
  )
}
