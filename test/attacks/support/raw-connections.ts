// Sends prepared bytes on many connections at little cost to this process.
import { setMaxListeners } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Opens a connection; undefined if it is refused. */
export async function openRaw(baseUrl: string): Promise<Socket | undefined> {
  const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1').setNoDelay()
  socket.on('error', () => {})
  return await new Promise((resolve) => {
    socket.once('connect', () => resolve(socket)).once('close', () => resolve(undefined))
  })
}

/** Opens connections, sends the same bytes on each, and keeps those open that the service does not close. */
export async function holdConnections(
  baseUrl: string,
  count: number,
  bytes: Buffer,
  over: AbortSignal,
): Promise<void> {
  setMaxListeners(0, over)
  for (let opened = 0; opened < count && !over.aborted; opened += batchSize)
    await Promise.all(
      Array.from({ length: batchSize }, async () => {
        const socket = await openRaw(baseUrl)
        over.addEventListener('abort', () => socket?.destroy())
        socket?.resume().write(bytes)
      }),
    )
  if (!over.aborted) await new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }))
}

/** How many connections are opened at once: the system queues 511. */
const batchSize = 50

/**
 * Sends the same bytes on each connection, again after each response. Opens a connection anew that the service closes.
 * @returns the numbers of responses by status; 0 for connections that were closed without one
 */
export async function repeatBytes(
  baseUrl: string,
  count: number,
  bytes: Buffer,
  over: AbortSignal,
): Promise<Map<number, number>> {
  setMaxListeners(0, over)
  const statuses = new Map<number, number>()
  const repeat = async () => {
    let socket: Socket | undefined
    while (!over.aborted) {
      socket ??= await openRaw(baseUrl)
      const status = socket === undefined ? 0 : await sendBytes(socket, bytes, over)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (socket?.destroyed !== false) socket = undefined
    }
    socket?.destroy()
  }
  await Promise.all(Array.from({ length: count }, repeat))
  return statuses
}

/** Resolves to the status when all is sent and a response has started, or when the connection is closed. */
function sendBytes(socket: Socket, bytes: Buffer, over: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    let status = 0
    let isSent = false
    const finish = () => {
      socket.off('data', onData).off('close', finish)
      over.removeEventListener('abort', finish)
      resolve(status)
    }
    const onData = (chunk: Buffer) => {
      if (status === 0) status = Number(chunk.toString('latin1', 9, 12)) || 0
      if (isSent) finish()
    }
    socket.on('data', onData).on('close', finish)
    over.addEventListener('abort', finish)
    socket.write(bytes, () => {
      isSent = true
      if (status !== 0) finish()
    })
  })
}
