import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, onTestFinished } from 'vitest'

export interface Seen {
  method: string
  path: string
  body: string
}

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
 * handler's undefined is a 404. Returns everything that was asked.
 */
export async function serve(handler: Handler): Promise<Seen[]> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const asked = { method: request.method ?? '', path: request.url ?? '', body: await read(request) }
    seen.push(asked)
    const answer = handler(asked) ?? {
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
  globalThis.fetch = (input, init) => {
    // jsdom's signal is not the one that Node's fetch knows.
    return native(new URL(String(input), base), { ...init, signal: undefined })
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
