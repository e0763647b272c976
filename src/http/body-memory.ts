// Bounds the memory of bodies that are under way.
import type { onRequestHookHandler } from 'fastify'
import { overloaded } from './admission.ts'

/** Bodies smaller than this are not counted, in bytes. */
const smallest = 65_536

export interface BodyLimits {
  /** how large the bodies that are under way may be together */
  readonly bodiesLimitBytes: number
  /** how large one may be, which one that does not say its length may turn out to be */
  readonly bodyLimitBytes: number
}

/**
 * An onRequest hook that refuses a large body, before it is read, when those under way take too much memory already.
 * @throws Problem 503 with Retry-After
 */
export function limitBodies({ bodiesLimitBytes, bodyLimitBytes }: BodyLimits): onRequestHookHandler {
  let total = 0
  return ({ headers }, { raw: response }, done) => {
    const length = Number(headers['content-length'] ?? 0)
    const size =
      headers['transfer-encoding'] === undefined ? Math.min(length, bodyLimitBytes) : bodyLimitBytes
    if (size < smallest) return done()
    if (total + size > bodiesLimitBytes) return done(overloaded())
    total += size
    response.once('close', () => {
      total -= size
    })
    done()
  }
}
