// The API as the dashboard uses it. Absent values are null.

export const statuses = [
  'queued',
  'submitting',
  'polling',
  'downloading',
  'succeeded',
  'failed',
  'cancelled',
] as const
export type Status = (typeof statuses)[number]

export type MediaKind = 'video' | 'image' | 'audio'

export type ErrorKind =
  | 'content_risk'
  | 'account_blocked'
  | 'auth'
  | 'quota'
  | 'rate_limited'
  | 'bad_input'
  | 'file_transfer'
  | 'timeout'
  | 'network'
  | 'generation_failed'
  | 'in_doubt'
  | 'unknown'

/** What became of the money after a cancel. */
export type Money = 'not_started' | 'stopped' | 'runs_on_upstream'

export interface Material {
  kind: MediaKind
  name: string | null
  content_type: string | null
  size: number | null
  url: string | null
}

export interface Artifact {
  kind: string
  /** Null, like size and sha256, while the gateway fetches the file. */
  content_type: string | null
  size: number | null
  sha256: string | null
  /** Null when the file has been deleted. */
  url: string | null
}

export interface Task {
  id: string
  status: Status
  kind: MediaKind
  model: string
  prompt: string
  duration: number | null
  ratio: string | null
  resolution: string | null
  priority: number | null
  session_pool_id: string | null
  history_record_id: string | null
  queue_position: number | null
  queue_total: number | null
  queue_eta: string | null
  video_url: string | null
  image_urls: string[] | null
  error_message: string | null
  error_kind: ErrorKind | null
  money: Money | null
  retry_of: string | null
  request_id: string | null
  materials: Material[] | null
  artifacts: Artifact[] | null
  created_at: string
  updated_at: string
  started_at: string | null
  finished_at: string | null
  start_deadline: string | null
  deadline: string | null
}

export interface TaskPage {
  tasks: Task[]
  next: string | null
}

export interface Model {
  id: string
  aliases?: string[]
  kind: MediaKind
  durations?: number[]
  default_duration?: number
  ratios?: string[]
  resolutions?: string[]
  max_prompt?: number
  needs_prompt?: boolean
  min_materials?: number
  max_materials?: number
  max_images?: number
  max_videos?: number
  max_audios?: number
}

export type Scope = 'video:create' | 'task:read' | 'task:cancel' | 'task:retry' | 'log:read' | 'admin'

export interface Me {
  authenticated: boolean
  auth_enabled: boolean
  name: string
  key_prefix: string
  scopes: Scope[] | null
  /** Of a person, null for a key. */
  role: 'viewer' | 'operator' | 'admin' | null
  /** What the OpenID provider is called that one can sign in with, null for none. */
  single_sign_on: string | null
  /** Nobody can be an admin yet: the first key has to be made on the machine itself. */
  first_start: boolean
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** A line of a log. */
export interface LogEntry {
  id: string
  time: string
  source: string
  /** A marker is the gateway's word on what happened to the log. */
  stream: 'stdout' | 'stderr' | 'marker'
  level: LogLevel | null
  text: string
  /** Bytes at its end that were left out. */
  cut?: number
  task_id?: string | null
}

export interface Container {
  name: string
  image: string | null
  running: boolean
  state: string
  health: string | null
  started_at: string | null
  restarts: number
  /** Why there is no more to tell. */
  reason: string | null
  /** What it uses now: CPU in cores, memory in bytes. */
  load: { cpu: number; memory: number } | null
}

export type ComponentState = 'ok' | 'degraded' | 'down' | 'off'

/** A part of the gateway. */
export interface Component {
  name: string
  state: ComponentState
  since: string | null
  reason: string | null
  advice: string | null
}

export interface Health {
  ok: boolean
  components?: Component[]
}

export interface Created {
  task: { id: string; status: Status }
}

export function hasEnded(status: Status): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled'
}

export function may(me: Me, scope: Scope): boolean {
  return !me.auth_enabled || (me.scopes ?? []).some((held) => held === scope || held === 'admin')
}
