// Finds out that a client has hung up while its response is being prepared.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Watched {
  readonly signal: AbortSignal
  /** responses that are being prepared */
  readonly pending: Set<ServerResponse>
}

/** The interval of probes, in milliseconds: the network reports a closed connection at the second one. */
const probeMs = 250

const watched = new WeakMap<Socket, Watched>()

/**
 * Runs work for a request.
 * @param work gets a signal that is aborted when the connection is closed, also after the work has ended
 */
export async function whileConnected<Result>(
  { raw: request }: { readonly raw: IncomingMessage },
  { raw: response }: { readonly raw: ServerResponse },
  work: (gone: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { socket } = request
  const connection = watched.get(socket) ?? watch(socket)
  // HTTP/1.0 has no interim responses
  if (request.httpVersion === '1.1') connection.pending.add(response)
  try {
    return await work(connection.signal)
  } finally {
    connection.pending.delete(response)
  }
}

/**
 * Watches a connection. When a client stops sending, it has either hung up or still reads: TCP does not say which. An
 * interim response (102) does: it fails if nobody reads.
 */
function watch(socket: Socket): Watched {
  const controller = new AbortController()
  const connection = { signal: controller.signal, pending: new Set<ServerResponse>() }
  watched.set(socket, connection)
  let probing: NodeJS.Timeout | undefined
  const probe = () => {
    for (const response of connection.pending) if (!response.headersSent) response.writeProcessing()
  }
  const startProbing = () => {
    probe()
    probing = setInterval(probe, probeMs)
  }
  socket.once('end', startProbing)
  socket.once('close', () => {
    clearInterval(probing)
    controller.abort()
  })
  if (socket.destroyed) controller.abort()
  else if (socket.readableEnded) startProbing()
  return connection
}
