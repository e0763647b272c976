// Which pages of other origins may call, from a browser (the CORS protocol of the Fetch standard).
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/** What a page may read of a reply, beside what any may. */
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
 * Lets pages of these origins call the routes of the scope. To be called before anything else in it: a browser asks
 * first (preflight), without a token, and is to read refusals, too. Without origins, it does nothing.
 * @param origins as a browser sends them, or `*`
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
        // any other OPTIONS asks which methods there are
        preflight:
          request.headers.origin !== undefined &&
          request.headers['access-control-request-method'] !== undefined,
      }),
  })
}
