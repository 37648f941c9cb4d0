/** A session id that was found in what somebody has pasted. */
export interface Found {
  secret: string
  label?: string
  slots?: number
  upstream?: string
  /** Another one with the same id comes before it. */
  isRepeated?: boolean
}

export interface Findings {
  found: Found[]
  /** Lines in which nothing looks like a session id. */
  unclear: string[]
}

const idNames = ['session_id', 'sessionid', 'session', 'cookie', 'cookies', 'secret', 'token']
const labelNames = ['label', 'name', 'account', 'note', 'remark', '备注', '名称', '账号']

/**
 * Finds session ids in lines, in CSV with or without a header, in cookies as a request
 * carries them, in cookies.txt, and in JSON as browser extensions export it.
 */
export function findSessions(text: string): Findings {
  const trimmed = text.trim()
  const json = /^[[{]/.test(trimmed) ? parsed(trimmed) : undefined
  const findings = json === undefined ? inLines(trimmed) : { found: inJson(json), unclear: [] }
  if (json !== undefined && findings.found.length === 0) findings.unclear.push(trimmed)
  const seen = new Set<string>()
  for (const one of findings.found) {
    if (seen.has(one.secret)) one.isRepeated = true
    seen.add(one.secret)
  }
  return findings
}

/** How the gateway shows a secret; tells which of the pool it may be. */
export function masked(secret: string): string {
  return secret.length < 16 ? '••••' : `${secret.slice(0, 4)}…${secret.slice(-4)}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Fields = Record<string, unknown>

function inJson(value: unknown): Found[] {
  if (typeof value === 'string') return inLines(value).found
  if (Array.isArray(value)) {
    // A jar of cookies has the id twice, under two names.
    const jar = cookieOf(value.filter(isFields))
    return jar ? [{ secret: jar }] : value.flatMap(inJson)
  }
  if (!isFields(value)) return []
  const named = lowered(value)
  const id = idNames.map((name) => named[name]).find((id) => typeof id === 'string')
  if (typeof id !== 'string')
    return Object.values(value).flatMap((inner) =>
      isFields(inner) || Array.isArray(inner) ? inJson(inner) : [],
    )
  const secret = fromCookie(id) ?? id.trim()
  return looksLikeId(secret) ? [withFields(secret, named)] : []
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const lowered = (value: Fields): Fields =>
  Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.toLowerCase(), inner]))

function cookieOf(cookies: Fields[]): string | undefined {
  for (const name of ['sessionid', 'sessionid_ss']) {
    const value = cookies.find((cookie) => cookie.name === name)?.value
    if (typeof value === 'string' && looksLikeId(value)) return value
  }
  return undefined
}

function withFields(secret: string, fields: Fields): Found {
  const found: Found = { secret }
  const label = labelNames
    .map((name) => fields[name])
    .find((label) => typeof label === 'string' && label.trim() !== '')
  const slots = Number(fields.slots)
  if (typeof label === 'string') found.label = label.trim()
  if (isSlots(slots)) found.slots = slots
  if (typeof fields.upstream === 'string' && fields.upstream.trim()) found.upstream = fields.upstream.trim()
  return found
}

function inLines(text: string): Findings {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const meant = lines.filter(
    (line) => line !== '' && (!line.startsWith('#') || line.startsWith('#HttpOnly_')),
  )
  const first = (meant[0] === undefined ? [] : cells(meant[0])).map((cell) => cell.toLowerCase())
  const header = first.some((cell) => idNames.includes(cell)) && !first.some(looksLikeId) ? first : undefined
  const findings: Findings = { found: [], unclear: [] }
  for (const line of header ? meant.slice(1) : meant) {
    const one = header ? inColumns(cells(line), header) : inLine(line)
    if (one) findings.found.push(one)
    else if (!line.startsWith('#') && !isOtherCookie(line)) findings.unclear.push(line)
  }
  return findings
}

function inColumns(row: string[], header: string[]): Found | undefined {
  const fields = Object.fromEntries(header.map((name, i) => [name, row[i]]))
  const id = idNames.map((name) => fields[name]).find(Boolean)
  const secret = id && (fromCookie(id) ?? id)
  return secret && looksLikeId(secret) ? withFields(secret, fields) : undefined
}

function inLine(line: string): Found | undefined {
  const columns = line.split('\t')
  if (columns.length >= 7) {
    const [name, value] = columns.slice(5)
    return name === 'sessionid' && value && looksLikeId(value) ? { secret: value } : undefined
  }
  const cookie = fromCookie(line)
  if (cookie) return { secret: cookie }
  const row = cells(line)
  const secret = row.filter(looksLikeId).sort((a, b) => b.length - a.length)[0]
  if (!secret) return undefined
  const rest = row.filter((cell) => cell !== secret && cell !== '')
  const slots = rest.find((cell) => /^\d+$/.test(cell) && isSlots(Number(cell)))
  return withFields(secret, { slots, label: rest.find((cell) => cell !== slots) })
}

/** The session id in cookies such as `a=b; sessionid=…; c=d`. */
function fromCookie(text: string): string | undefined {
  for (const name of ['sessionid', 'sessionid_ss']) {
    const value = new RegExp(`(?:^|[;\\s'"])${name}=([^;\\s,'"]+)`, 'i').exec(text)?.[1]
    if (value && looksLikeId(value)) return value
  }
  return undefined
}

/** A line of cookies.txt that is about something else. */
const isOtherCookie = (line: string) => line.split('\t').length >= 7

const isSlots = (n: number) => Number.isInteger(n) && n >= 1 && n <= 1000

/** No spaces, no commas, ASCII, and too long for a name. */
const looksLikeId = (text: string) => /^[\x21-\x2b\x2d-\x7e]{16,8192}$/.test(text)

/** The cells of a line of CSV, with commas, semicolons or tabs. */
function cells(line: string): string[] {
  const separator =
    [',', '\t', ';'].find((separator) => line.replace(/"[^"]*"/g, '').includes(separator)) ?? ','
  const cell = new RegExp(`(?:^|${separator})(?:"((?:[^"]|"")*)"|([^${separator}]*))`, 'g')
  return [...line.matchAll(cell)].map(([, quoted, plain]) =>
    (quoted?.replaceAll('""', '"') ?? plain ?? '').trim(),
  )
}
