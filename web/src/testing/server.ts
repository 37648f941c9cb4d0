import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, onTestFinished } from 'vitest'

export interface Seen {
  method: string
  path: string
  body: string
}

/** What was asked, and a way to tell those who listen to a stream. */
export interface Served extends Array<Seen> {
  tell(path: string, event: string, data: unknown): void
}

/** The streams, which stay open. */
const streams = ['/api/v1/events', '/api/v1/status/stream']

type Answer = { status?: number; json?: unknown; text?: string } | undefined
type Handler = (request: Seen) => Answer

const open = new Set<Server>()
afterEach(() => {
  for (const server of open) {
    server.closeAllConnections()
    server.close()
  }
  open.clear()
})

/**
 * A real HTTP server that the page's requests go to until the test ends. The
 * handler's undefined is a 404, of a stream one that stays open and says nothing but
 * what it is told to. Returns everything that was asked.
 */
export async function serve(handler: Handler): Promise<Served> {
  const listeners: { path: string; response: ServerResponse }[] = []
  const seen = Object.assign([] as Seen[], {
    tell(path: string, event: string, data: unknown) {
      for (const { response } of listeners.filter((listener) => listener.path === path)) {
        response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      }
    },
  })
  const server = createServer(async (request, response) => {
    const asked = { method: request.method ?? '', path: request.url ?? '', body: await read(request) }
    seen.push(asked)
    const own = handler(asked)
    if (own === undefined && streams.includes(asked.path)) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Access-Control-Allow-Origin': '*' })
      response.write(':\n\n')
      listeners.push({ path: asked.path, response })
      return
    }
    const answer = own ?? {
      status: 404,
      json: { title: 'Not Found', status: 404, detail: 'nothing here' },
    }
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Allow-Headers', '*')
    response.statusCode = request.method === 'OPTIONS' ? 204 : (answer.status ?? 200)
    response.end(request.method === 'OPTIONS' ? '' : (answer.text ?? JSON.stringify(answer.json)))
  })
  open.add(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  sendTo(`http://127.0.0.1:${port}`)
  return seen
}

/** Lets relative addresses mean this server, as in the browser. */
function sendTo(base: string): void {
  const native = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const request = input instanceof Request ? input : undefined
    const { pathname, search } = new URL(request?.url ?? String(input), location.origin)
    if (request === undefined) return native(new URL(pathname + search, base), init)
    const { method, headers } = request
    const body = method === 'GET' ? undefined : await request.text()
    return native(new URL(pathname + search, base), { method, headers, body })
  }
  const open = XMLHttpRequest.prototype.open
  XMLHttpRequest.prototype.open = function (this: XMLHttpRequest, method: string, url: string | URL) {
    open.call(this, method, new URL(String(url), base).href, true)
  }
  onTestFinished(() => {
    globalThis.fetch = native
    XMLHttpRequest.prototype.open = open
  })
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
