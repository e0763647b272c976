// A proxy that gives sessions other settings than the service requests, as a pooler does that drops startup parameters.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { onTestFinished } from 'vitest'

/**
 * Starts a proxy that ends with the test.
 * @param url of a database on a host and port
 * @param options replace those of each connection's startup message
 * @returns the URL of the database through the proxy
 */
export async function startSessionProxy(url: string, options: string): Promise<string> {
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
      server.write(replaceOptions(Buffer.from(message), options))
      client.pipe(server)
    })
    server.pipe(client)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  const { port: proxyPort } = proxy.address() as AddressInfo
  return Object.assign(new URL(url), { host: `127.0.0.1:${proxyPort}` }).href
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
