// What each connection has under way: what breaks is answered in its turn, and stopping waits for what runs.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

interface Exchanges {
  /** how many requests have not been answered yet */
  running: number
  /** the latest request, and its answer */
  request?: IncomingMessage
  response?: ServerResponse
  /** ends the connection, after it could not be read any further */
  end?: () => void
}

export interface Connections {
  /** Follows the connections of an app, from before it listens until it is closed. */
  watch(app: FastifyInstance): void
  /** Calls back once all that came whole before is answered, unless what broke is answered already: then it hangs up. */
  onBroken(socket: Socket, answer: () => void): void
}

export interface ClosingLimits {
  /** how long a connection without a request may yet send one when the app closes, in milliseconds */
  readonly drainMs: number
  /** how long any other may last then, in milliseconds, so that nobody keeps the app from closing */
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
    // Node's own close would end at once the connections without a request, one of which may be on its way
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
      // a caller that says it sends no more still wants its answer; Node's default is to hang up on it
      Object.assign(app.server, { httpAllowHalfOpen: true })
      app.server.on('connection', (socket: Socket) => {
        open.set(socket, { running: 0 })
        socket.once('close', () => open.delete(socket))
      })
      app.server.on('request', onRequest)
      app.addHook('preClose', () => close(app))
    },
    onBroken(socket, answer) {
      const exchanges = open.get(socket)
      // what follows on a connection that broke breaks, too
      if (exchanges === undefined || exchanges.end !== undefined) return
      const { request, response } = exchanges
      const isAnswered = request?.complete === false && response?.headersSent
      exchanges.end = isAnswered ? () => hangUp(socket) : answer
      if (exchanges.running === unreadable(exchanges)) exchanges.end()
    },
  }
}

/** How many of the running requests will never be whole: the latest, or none. */
function unreadable({ request, response, end }: Exchanges): number {
  return end !== undefined && request?.complete === false && response?.closed === false ? 1 : 0
}

/** Says that nothing follows, and gives the caller a moment to read what was said before it. */
export function hangUp(socket: Socket, last = ''): void {
  socket.end(last)
  setTimeout(() => socket.destroy(), lingerMs).unref()
}

const lingerMs = 1000
