// Sends requests unchanged: paths are not normalized, and only Host and Content-Length are added.
import { Agent, request } from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface WireRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export interface WireReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Opens persistent connections to a server; `close` ends them. */
export function openWire(baseUrl: string) {
  const agent = new Agent({ keepAlive: true })
  const { hostname, port } = new URL(baseUrl)
  return {
    close: () => agent.destroy(),
    send: ({ method, path, headers, body }: WireRequest): Promise<WireReply> =>
      new Promise((resolve, reject) => {
        const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
        const sent = request({ agent, hostname, port, method, path, headers: { ...headers, ...length } })
        sent.on('error', reject)
        sent.on('response', (reply) => {
          buffer(reply).then(
            (bytes) =>
              resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: bytes.toString() }),
            reject,
          )
        })
        sent.end(body)
      }),
  }
}
