// The headers of all responses.
import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Sets the headers of all responses of an app.
 * @param restLimitBytes how much of a refused body may be left, in bytes: Node reads and drops it, so that the connection can
 *   be used again. A connection with more is closed.
 */
export function completeHeads(app: FastifyInstance, restLimitBytes: number): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.headers(commonHeaders(request.id))
    if (!request.raw.complete && mayExceed(request, restLimitBytes)) reply.header('connection', 'close')
    // JSON has no charset (RFC 8259 §11), and Spring does not send one.
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8') reply.type('application/json')
    done()
  })
}

function mayExceed({ headers }: FastifyRequest, limitBytes: number): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > limitBytes
}

/** Returns the headers of every response. They keep browsers from rendering responses as pages. */
export function commonHeaders(requestId: string): Record<string, string> {
  return {
    'x-request-id': requestId,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
  }
}
