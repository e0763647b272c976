// Allows pages of other origins to call the API (CORS protocol of the Fetch standard).
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/** Response headers that a page may read, in addition to the safelisted ones. */
const exposedHeaders = [
  'Content-Encoding',
  'ETag',
  'Link',
  'Location',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
]

/**
 * Allows pages of these origins to call the routes of the scope. Must be called before other hooks: a preflight request has
 * no token, and a page must be able to read error responses too. Without origins, it does nothing.
 * @param origins as browsers send them, or `*`
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return
  await app.register(cors, {
    delegator: (request, done) =>
      done(null, {
        origin: [...origins],
        methods: ['GET', 'HEAD', 'POST', 'PUT'],
        exposedHeaders,
        maxAge: 600,
        // other OPTIONS requests get the supported methods
        preflight:
          request.headers.origin !== undefined &&
          request.headers['access-control-request-method'] !== undefined,
      }),
  })
}
