import { connect, createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { baseUrl } from './environment'

/** A line to the gateway that can be cut. */
export interface Line {
  url: string
  cut: () => void
  mend: () => Promise<void>
}

/** Lays a line: an address on this machine behind which the gateway is. */
export async function lay(): Promise<Line> {
  const { hostname, port } = new URL(baseUrl)
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.pipe(other)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, 'localhost', () => resolve()))
  await listen(0)
  const own = (server.address() as AddressInfo).port
  return {
    url: `http://localhost:${own}`,
    cut: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
    mend: () => listen(own),
  }
}
