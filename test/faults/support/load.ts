// Generates an open-loop load over many persistent connections.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface TimedResponse {
  /** 0 if the connection was lost before the response was complete */
  readonly status: number
  /** head and body as received */
  readonly text: string
  /** send time of the request, and the time until its response was complete, in milliseconds */
  readonly sentAt: number
  readonly milliseconds: number
}

export interface Connection {
  /** Sends a request; only one at a time. */
  send(request: string): Promise<TimedResponse>
  close(): void
}

/** Returns the text of a request below /rtc-api/interactions. */
export function requestText(token: string, method: string, path: string, body = ''): string {
  return (
    `${method} /rtc-api/interactions${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** Opens `count` connections. */
export async function openConnections(baseUrl: string, count: number): Promise<Connection[]> {
  return await Promise.all(Array.from({ length: count }, () => openConnection(baseUrl)))
}

async function openConnection(baseUrl: string): Promise<Connection> {
  const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  socket.on('error', () => {})
  return {
    send(request) {
      const sentAt = performance.now()
      socket.write(request)
      return readResponse(socket, sentAt)
    },
    close: () => void socket.destroy(),
  }
}

/** Reads a response up to its `Content-Length`, which all of these responses except 204 have. */
function readResponse(socket: Socket, sentAt: number): Promise<TimedResponse> {
  return new Promise((resolve) => {
    let text = ''
    const finish = (status: number) => {
      socket.off('data', onData).off('close', onClose)
      resolve({ status, text, sentAt, milliseconds: performance.now() - sentAt })
    }
    const onClose = () => finish(0)
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0)
      if (text.length >= head + 4 + length) finish(Number(text.slice(9, 12)))
    }
    socket.on('data', onData).on('close', onClose)
    // A destroyed socket emits no further event.
    if (socket.destroyed) onClose()
  })
}

/**
 * Sends `perSecond` requests a second for `seconds`, each on a free connection. Drops requests when none is free.
 * @returns the responses in the order of sending
 */
export async function offer(
  connections: readonly Connection[],
  request: () => string,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<TimedResponse[]> {
  const free = [...connections]
  const responses: Promise<TimedResponse>[] = []
  const start = performance.now()
  for (let due = 0, sent = 0; due < perSecond * seconds; await pause(1)) {
    due = Math.min(((performance.now() - start) / 1000) * perSecond, perSecond * seconds)
    for (; sent < due; sent++) {
      const connection = free.pop()
      if (connection === undefined) continue
      responses.push(connection.send(request()).finally(() => void free.unshift(connection)))
    }
  }
  return await Promise.all(responses)
}

/** Sends requests on each connection, one after the other, for `seconds`. @returns responses per second */
export async function measureCapacity(
  connections: readonly Connection[],
  request: () => string,
  seconds: number,
): Promise<number> {
  const end = performance.now() + seconds * 1000
  const counts = connections.map(async (connection) => {
    let count = 0
    for (; performance.now() < end; count++) await connection.send(request())
    return count
  })
  return (await Promise.all(counts)).reduce((a, b) => a + b) / seconds
}

/** Returns a percentile (0 to 100) of the response times in milliseconds. */
export function percentile(
  responses: readonly Pick<TimedResponse, 'milliseconds'>[],
  percent: number,
): number {
  const times = responses.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b)
  return times[Math.ceil((times.length * percent) / 100) - 1] ?? Number.NaN
}
