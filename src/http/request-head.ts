// Reads the id of a request, and refuses heads that Node accepts although HTTP/1.1 does not (RFC 9112), before anything
// else looks at them.
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { InvalidRequest, Problem } from './problem.ts'

/** A name, an IPv4 address, or an IPv6 address in brackets, and perhaps a port (RFC 3986 §3.2.2). */
const hostPattern = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/** Must be called before other hooks are added. */
export function checkRequestHeads(app: FastifyInstance): void {
  /** the valid Host that was seen last: most requests have the same */
  let knownHost = ''
  app.addHook('onRequest', ({ raw, headers }, _reply, done) => {
    const { host, 'transfer-encoding': coding } = headers
    if (host !== knownHost || host === '') {
      const error = hostError(raw)
      if (error !== undefined) return done(new InvalidRequest({ Host: error }))
      knownHost = host ?? ''
    }
    if (hasSeveralHosts(raw)) return done(new InvalidRequest({ Host: 'must not be repeated' }))
    if (coding !== undefined && coding.toLowerCase() !== 'chunked')
      return done(new Problem('not_implemented', 'The Transfer-Encoding must be chunked.'))
    done()
  })
}

/** HTTP/1.0 needs no Host. */
function hostError({ headers: { host }, httpVersion }: IncomingMessage): string | undefined {
  if (host === undefined) return httpVersion === '1.1' ? 'is required' : undefined
  return hostPattern.test(host) ? undefined : 'must be a host and perhaps a port'
}

/** `headers.host` is the first one. */
function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count > 1
}

/** Returns the caller's X-Request-Id if it is safe in headers and log lines, else a random one. */
export function requestIdOf({ headers }: { readonly headers: IncomingHttpHeaders }): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:/+=@-]{1,128}$/.test(given) ? given : randomUUID()
}
