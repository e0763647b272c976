// Which connections have a request under way, so that stopping waits for those, and for no other.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** When the app closes, ends connections without a request at once, and the others after their last reply. */
export function endUnusedConnections(app: FastifyInstance): void {
  const running = new Map<Socket, number>()
  let stopping = false

  app.server.on('connection', (socket: Socket) => {
    running.set(socket, 0)
    socket.once('close', () => running.delete(socket))
  })
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    running.set(socket, (running.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const left = (running.get(socket) ?? 1) - 1
      if (running.has(socket)) running.set(socket, left)
      if (stopping && left === 0) socket.end()
    })
  })
  app.addHook('preClose', async () => {
    stopping = true
    for (const [socket, requests] of running) if (requests === 0) socket.destroy()
  })
}
