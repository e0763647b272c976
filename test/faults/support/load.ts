// Puts a load on the service over many connections that stay open, at a rate that does not wait for answers.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface Answer {
  /** 0 when the connection was lost before the answer was there */
  readonly status: number
  /** the whole answer as it came */
  readonly text: string
  /** when the request was sent, and how long its answer took, in milliseconds */
  readonly sentAt: number
  readonly milliseconds: number
}

export interface Connection {
  /** One request at a time. */
  send(request: string): Promise<Answer>
  close(): void
}

/** The text of a request for one of the API's paths. */
export function requestText(token: string, method: string, path: string, body = ''): string {
  return (
    `${method} /rtc-api/interactions${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** Opens so many connections. */
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
      return readAnswer(socket, sentAt)
    },
    close: () => void socket.destroy(),
  }
}

/** Reads up to the end that `Content-Length` tells, which every answer to these requests has, but 204. */
function readAnswer(socket: Socket, sentAt: number): Promise<Answer> {
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
    // what was lost already is not told again
    if (socket.destroyed) onClose()
  })
}

/**
 * Sends so many requests a second, evenly, each on a connection that is free; what finds none free is not sent.
 * @param seconds how long
 * @returns the answers, in the order of sending
 */
export async function offer(
  connections: readonly Connection[],
  request: () => string,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Answer[]> {
  const free = [...connections]
  const answers: Promise<Answer>[] = []
  const start = performance.now()
  for (let due = 0, sent = 0; due < perSecond * seconds; await pause(1)) {
    due = Math.min(((performance.now() - start) / 1000) * perSecond, perSecond * seconds)
    for (; sent < due; sent++) {
      const connection = free.pop()
      if (connection === undefined) continue
      answers.push(connection.send(request()).finally(() => void free.unshift(connection)))
    }
  }
  return await Promise.all(answers)
}

/** Sends one request after the other on each connection. @returns how many were answered a second */
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

/** The smallest time that so many of a hundred answers do not exceed. */
export function percentile(answers: readonly Answer[], percent: number): number {
  const times = answers.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b)
  return times[Math.ceil((times.length * percent) / 100) - 1] ?? Number.NaN
}
