// Tracks the requests of each connection, to respond to broken requests in order and to close without losing any.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

interface Exchanges {
  /** how many requests have no complete response yet */
  running: number
  /** the latest request and its response */
  request?: IncomingMessage
  response?: ServerResponse
  /** ends the connection; set when its input could not be parsed */
  end?: () => void
}

export interface Connections {
  /** Tracks the connections of an app until it is closed. Must be called before it listens. */
  watch(app: FastifyInstance): void
  /** Calls `respond` when all complete requests before the broken one have their responses. Hangs up instead if the broken one
   * has a response already. */
  onBroken(socket: Socket, respond: () => void): void
}

export interface ClosingLimits {
  /** how long an idle connection may still send a request when the app closes, in milliseconds */
  readonly drainMs: number
  /** how long a request may take after that, in milliseconds, so that no client can keep the app from closing */
  readonly requestTimeoutMs: number
}

export function watchConnections({ drainMs, requestTimeoutMs }: ClosingLimits): Connections {
  const open = new Map<Socket, Exchanges>()
  let isStopping = false

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    const exchanges = open.get(socket)
    if (exchanges === undefined) return
    exchanges.running++
    exchanges.request = request
    exchanges.response = response
    response.once('close', () => {
      exchanges.running--
      if (exchanges.running === unreadable(exchanges)) exchanges.end?.()
      if (isStopping && exchanges.running === 0) socket.end()
    })
  }

  async function close(app: FastifyInstance): Promise<void> {
    isStopping = true
    // Node's own close ends idle connections immediately, even if a request is on its way
    const closed = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(app.server, () => resolve())
    })
    for (const { response } of open.values())
      if (response !== undefined && !response.headersSent) response.shouldKeepAlive = false
    const drained = setTimeout(() => {
      for (const [socket, { running }] of open) if (running === 0) socket.destroy()
    }, drainMs)
    const overdue = setTimeout(() => {
      for (const socket of open.keys()) socket.destroy()
    }, drainMs + requestTimeoutMs)
    await closed
    clearTimeout(drained)
    clearTimeout(overdue)
  }

  return {
    watch(app) {
      // a client that has closed its sending side still reads the response; by default Node hangs up on it
      Object.assign(app.server, { httpAllowHalfOpen: true })
      app.server.on('connection', (socket: Socket) => {
        open.set(socket, { running: 0 })
        socket.once('close', () => open.delete(socket))
      })
      app.server.on('request', onRequest)
      app.addHook('preClose', () => close(app))
    },
    onBroken(socket, respond) {
      const exchanges = open.get(socket)
      // everything after a broken request is broken too
      if (exchanges === undefined || exchanges.end !== undefined) return
      const { request, response } = exchanges
      const hasResponse = request?.complete === false && response?.headersSent
      exchanges.end = hasResponse ? () => hangUp(socket) : respond
      if (exchanges.running === unreadable(exchanges)) exchanges.end()
    },
  }
}

/** Returns how many running requests will never be complete: 1 if the latest is broken, else 0. */
function unreadable({ request, response, end }: Exchanges): number {
  return end !== undefined && request?.complete === false && response?.closed === false ? 1 : 0
}

/** Sends the last bytes and ends the connection, but leaves the client a second to read. */
export function hangUp(socket: Socket, last = ''): void {
  socket.end(last)
  setTimeout(() => socket.destroy(), lingerMs).unref()
}

const lingerMs = 1000
