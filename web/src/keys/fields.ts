import type { Schemas } from '../api/types'

type Key = Schemas['Key']

/** The limits of a key as numbers in a form: their group, and how many of the API's units one of theirs is. */
export const numbers = {
  rate_limit: { group: 'pace', unit: 1, min: 0, max: 1_000_000 },
  daily_quota: { group: 'pace', unit: 1, min: 0, max: 1_000_000 },
  concurrency: { group: 'pace', unit: 1, min: 0, max: 1_000_000 },
  weight: { group: 'pace', unit: 1, min: 1, max: 1000 },
  max_priority: { group: 'pace', unit: 1, min: -100, max: 100 },
  credits_per_day: { group: 'money', unit: 1, min: 0, max: 1_000_000_000 },
  credits_per_month: { group: 'money', unit: 1, min: 0, max: 1_000_000_000 },
  wait: { group: 'files', unit: 1, min: 0, max: 14_400 },
  max_upload: { group: 'files', unit: 1_000_000, min: 0, max: 1_000_000 },
  retention: { group: 'files', unit: 86_400, min: 0, max: 3650 },
} as const satisfies Partial<Record<keyof Key, { group: string; unit: number; min: number; max: number }>>

export type NumberName = keyof typeof numbers

export const scopes = [
  'video:create',
  'task:read',
  'task:cancel',
  'task:retry',
  'task:delete',
  'task:all',
  'pool:read',
  'session:test',
  'log:read',
  'admin',
] as const satisfies NonNullable<Schemas['CreateKeyRequest']['scopes']>

export interface Form {
  name: string
  scopes: string[]
  numbers: Record<NumberName, number>
  /** With commas or line breaks between them. */
  models: string
  networks: string
  /** As the field of a browser has it, in local time; empty for never. */
  expires: string
  metadata: string
}

export function formOf(key?: Key): Form {
  const number = (name: NumberName) =>
    key ? key[name] / numbers[name].unit : name === 'weight' ? 1 : name === 'max_priority' ? 100 : 0
  return {
    name: key?.name ?? '',
    scopes: key?.scopes ?? ['video:create', 'task:read', 'task:cancel'],
    numbers: Object.fromEntries(names.map((name) => [name, number(name)])) as Form['numbers'],
    models: key?.models.join(', ') ?? '',
    networks: key?.networks.join(', ') ?? '',
    expires: key?.expires_at ? local(new Date(key.expires_at)) : '',
    metadata: key?.metadata ? JSON.stringify(key.metadata, null, 2) : '',
  }
}

export const names = Object.keys(numbers) as NumberName[]

/** What differs between two forms, as the API takes it. Throws a SyntaxError for metadata that is no JSON. */
export function changeOf(was: Form, now: Form): Schemas['ChangeKeyRequest'] {
  const change: Record<string, unknown> = {}
  const set = (name: string, differs: boolean, value: () => unknown) => {
    if (differs) change[name] = value()
  }
  set('name', was.name !== now.name, () => now.name)
  set('scopes', was.scopes.join() !== now.scopes.join(), () => now.scopes)
  for (const name of names) {
    set(name, was.numbers[name] !== now.numbers[name], () =>
      Number.isNaN(now.numbers[name]) ? null : asInteger(name, now.numbers[name] * numbers[name].unit),
    )
  }
  set('models', was.models !== now.models, () => listOf(now.models))
  set('networks', was.networks !== now.networks, () => listOf(now.networks))
  set('expires_at', was.expires !== now.expires, () =>
    now.expires ? new Date(now.expires).toISOString() : null,
  )
  set('metadata', was.metadata !== now.metadata, () =>
    now.metadata.trim() ? JSON.parse(now.metadata) : null,
  )
  return change as Schemas['ChangeKeyRequest']
}

const asInteger = (name: NumberName, n: number) => (numbers[name].group === 'money' ? n : Math.round(n))

const listOf = (text: string) =>
  text
    .split(/[,\s]+/)
    .map((part) => part.trim())
    .filter(Boolean)

/** A moment as <input type="datetime-local"> writes it. */
function local(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
