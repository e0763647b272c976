// A proxy that changes what passes between the service and PostgreSQL.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Rewrites {
  /** Returns what the server receives as the first message of a connection; undefined: the connection is closed. */
  readonly first?: (message: Buffer) => Buffer | undefined
  /** Returns what the client receives for a part of the server's responses. */
  readonly response?: (part: Buffer) => Buffer
}

/**
 * Starts a proxy that ends with the test.
 * @param url of a database on a host and port
 * @returns the URL of the database through the proxy
 */
export async function startRewritingProxy(
  url: string,
  { first = (message) => message, response = (part) => part }: Rewrites,
): Promise<string> {
  const { hostname, port } = new URL(url)
  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
    // the first message is short, and arrives whole
    client.once('data', (message) => {
      const sent = first(Buffer.from(message))
      if (sent === undefined) return client.destroy()
      server.write(sent)
      client.pipe(server)
    })
    server.on('data', (part) => client.write(response(part)))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  const { port: proxyPort } = proxy.address() as AddressInfo
  return Object.assign(new URL(url), { host: `127.0.0.1:${proxyPort}` }).href
}

/**
 * Starts a proxy that gives sessions other settings than the service requests, as a pooler does that drops startup
 * parameters.
 * @param options replace those of each connection's startup message
 */
export function startSessionProxy(url: string, options: string): Promise<string> {
  return startRewritingProxy(url, { first: (message) => replaceOptions(message, options) })
}

/** A startup message: its length, the version of the protocol, and names and values that end with zero bytes. */
function replaceOptions(message: Buffer, options: string): Buffer {
  const texts = message.toString('utf8', 8, message.readInt32BE(0)).split('\0')
  const at = texts.indexOf('options')
  if (at < 0) return message
  texts[at + 1] = options
  const parameters = Buffer.from(texts.join('\0'))
  const head = Buffer.from(message.subarray(0, 8))
  head.writeInt32BE(head.length + parameters.length)
  return Buffer.concat([head, parameters])
}
