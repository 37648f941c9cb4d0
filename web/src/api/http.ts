import createClient, { type Middleware } from 'openapi-fetch'
import type { paths } from './schema'

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

/** Turns every answer that is none into an [ApiError]. */
const explained: Middleware = {
  async onResponse({ request, response }) {
    readClock(response.headers.get('Date'))
    if (response.ok) return undefined
    // What is ill is an answer too.
    if (response.status === 503 && new URL(request.url).pathname === '/api/v1/health') {
      return new Response(response.body, { headers: response.headers })
    }
    throw parseError(response.status, await response.text())
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined
    return new ApiError(0, error instanceof Error ? error.message : String(error))
  },
}

/** The gateway's API, typed by its own description. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: (request) => globalThis.fetch(request),
  querySerializer: { array: { style: 'form', explode: false } },
})
api.use(explained)

/** The body of a success: `await body(api.GET('/api/v1/stats'))`. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  try {
    return (await answer).data as T
  } catch (error) {
    if (error instanceof SyntaxError) throw new ApiError(502, error.message) // a proxy in between, or not our gateway
    throw error
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
