// Finds a port before a server listens on it, for settings that must contain the port.
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Returns a port that is currently free on this host. Another process may take it before the caller uses it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}
