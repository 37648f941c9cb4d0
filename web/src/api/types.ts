// The API's types, as the gateway describes them: openapi.json, made by `npm run types`.
import type { components } from './schema'

export type Schemas = components['schemas']

export type Task = Schemas['Task']
export type Status = Task['status']
export type ErrorKind = NonNullable<Task['error_kind']>
export type Money = NonNullable<Task['money']>
export type Material = Schemas['Material']
export type MediaKind = Material['kind']
export type Artifact = Schemas['Artifact']
export type TaskEvent = Schemas['TaskEvent']
export type Model = Schemas['Model']
export type Me = Schemas['SignedIn']
export type Health = Schemas['HealthAnswer']
export type Component = Schemas['Component']
export type ComponentState = Component['state']
export type Container = Schemas['ContainerState']
export type LogEntry = Schemas['Entry']
export type LogLevel = NonNullable<LogEntry['level']>

export const statuses = [
  'queued',
  'submitting',
  'polling',
  'downloading',
  'succeeded',
  'failed',
  'cancelled',
] as const satisfies Status[]

export const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies LogLevel[]

export type Scope =
  | 'video:create'
  | 'task:read'
  | 'task:cancel'
  | 'task:retry'
  | 'task:delete'
  | 'pool:read'
  | 'session:test'
  | 'log:read'
  | 'admin'

export function hasEnded(status: Status): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled'
}

export function may(me: Me, scope: Scope): boolean {
  return !me.auth_enabled || me.scopes.some((held) => held === scope || held === 'admin')
}
