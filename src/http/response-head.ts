// The headers of all responses.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { rejectInTurn } from './rejections.ts'

/**
 * Sets the headers of all responses of an app.
 * @param restLimitBytes how much of a refused body may be left, in bytes: Node reads and drops it, so that the connection can
 *   be used again. A connection with more is closed.
 */
export function completeHeads(app: FastifyInstance, restLimitBytes: number): void {
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.headers(commonHeaders(request.id))
    // JSON has no charset (RFC 8259 §11), and Spring does not send one.
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8') reply.type('application/json')
    const restBytes = request.raw.complete ? 0 : largestRestBytes(request)
    if (restBytes > restLimitBytes) reply.header('connection', 'close')
    else if (restBytes > 0) return rejectInTurn(done, restBytes)
    done()
  })
}

/** Returns how much of the body may still be to come, in bytes. */
function largestRestBytes({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY
  return Number(headers['content-length'] ?? 0)
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
