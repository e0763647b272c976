// Bounds the memory of request bodies.
import type { onRequestHookHandler } from 'fastify'
import { overloaded } from './admission.ts'

/** Smaller bodies are not counted, in bytes. */
const minCountedBytes = 65_536

export interface BodyLimits {
  /** the total size of the bodies of all running requests, in bytes */
  readonly bodiesLimitBytes: number
  /** the size of one body, in bytes; assumed for a body without a content length */
  readonly bodyLimitBytes: number
}

/**
 * Returns an onRequest hook that rejects a large body, before it is read, when the bodies of running requests would
 * exceed the limit.
 * @throws Problem 503 with Retry-After
 */
export function limitBodies({ bodiesLimitBytes, bodyLimitBytes }: BodyLimits): onRequestHookHandler {
  let total = 0
  return ({ headers }, { raw: response }, done) => {
    const length = Number(headers['content-length'] ?? 0)
    const size =
      headers['transfer-encoding'] === undefined ? Math.min(length, bodyLimitBytes) : bodyLimitBytes
    if (size < minCountedBytes) return done()
    if (total + size > bodiesLimitBytes) return done(overloaded())
    total += size
    response.once('close', () => {
      total -= size
    })
    done()
  }
}
