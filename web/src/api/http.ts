/** An answer of the gateway that is not a success, or no answer at all. */
export class ApiError extends Error {
  constructor(
    /** HTTP status, 0 when no answer came. */
    readonly status: number,
    message: string,
    /** Messages by the request's field. */
    readonly fields: Record<string, string> = {},
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /** True if the fault is the connection or the server, so that trying again may help. */
  get unavailable(): boolean {
    return this.status === 0 || this.status >= 500
  }
}

let clockSkew = 0

/** The time by the gateway's clock, which the times of tasks are in. Milliseconds. */
export function gatewayNow(): number {
  return Date.now() + clockSkew
}

/** Learns from an answer how far this machine's clock is off the gateway's. */
export function readClock(date: string | null): void {
  const theirs = date ? Date.parse(date) : NaN
  const skew = theirs - Date.now()
  // The header has whole seconds, and the answer was some time on its way.
  if (!Number.isNaN(skew)) clockSkew = Math.abs(skew) > 2000 ? skew : 0
}

export async function request<T>(
  path: string,
  init?: {
    method?: string
    json?: unknown
    signal?: AbortSignal
    /** An error status that is an answer too. */ also?: number
  },
): Promise<T> {
  const { method = 'GET', json, signal, also } = init ?? {}
  let answer: Response
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: {
        Accept: 'application/json',
        ...(json !== undefined && { 'Content-Type': 'application/json' }),
      },
      body: json === undefined ? undefined : JSON.stringify(json),
    })
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError(0, cause instanceof Error ? cause.message : String(cause))
  }
  readClock(answer.headers.get('Date'))
  const text = await answer.text()
  if (!answer.ok && answer.status !== also) throw parseError(answer.status, text)
  try {
    return (text === '' ? undefined : JSON.parse(text)) as T
  } catch {
    throw new ApiError(502, `${path}: not JSON`) // a proxy in between, or not our gateway
  }
}

interface ErrorBody {
  // The envelope of /v1
  message?: string
  error?: { message?: string; param?: string | null } | string
  // RFC 9457, under /api/v1
  title?: string
  detail?: string
  errors?: { location?: string; message?: string }[]
}

/** Reads both error shapes of the gateway; anything else keeps the status only. */
export function parseError(status: number, text: string): ApiError {
  let body: ErrorBody
  try {
    body = (JSON.parse(text) ?? {}) as ErrorBody
  } catch {
    return new ApiError(status, `HTTP ${status}`)
  }
  const error = typeof body.error === 'object' ? body.error : undefined
  const message = error?.message ?? body.message ?? body.detail ?? body.title ?? `HTTP ${status}`
  const fields: Record<string, string> = {}
  if (error?.param) fields[error.param] = withoutField(message, error.param)
  for (const { location, message: text } of body.errors ?? []) {
    const field = location?.replace(/^body\./, '')
    if (field && text) fields[field] = withoutField(text, field)
  }
  return new ApiError(status, message, fields)
}

/** "duration: 3 is not possible" reads better beside the field without its name. */
function withoutField(message: string, field: string): string {
  return message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message
}
