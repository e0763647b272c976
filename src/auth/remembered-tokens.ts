// Remembers the callers of verified tokens.
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Registry } from 'prom-client'
import { measureCallers } from '../observability/token-metrics.ts'
import { checkBearer, expired, invalidToken } from './bearer.ts'

export interface Verified {
  readonly caller: FastifyRequest['caller']
  /** milliseconds since 1970, with the clock tolerance */
  readonly expiresAt: number
}

/** How many callers are remembered by their tokens, at about 2 KB each. */
const maxRemembered = 2000

/** Cache key: the last 43 characters of the header, which are cheaper to hash than all; then all are compared. */
const keyLength = 43

/**
 * Returns an onRequest hook that sets `request.caller`, and remembers the callers of valid tokens until they expire: verifying a
 * signature costs more than the rest of a request.
 */
export function rememberTokens(
  registry: Registry,
  verify: (request: FastifyRequest) => Promise<Verified>,
): onRequestHookHandler {
  const remembered = new LRUCache<string, Verified & { readonly authorization: string }>({
    max: maxRemembered,
  })
  const uses = measureCallers(registry, remembered)
  const admit = (request: FastifyRequest, { caller, expiresAt }: Verified) => {
    if (expiresAt <= Date.now()) throw invalidToken(expired)
    request.caller = caller
  }
  const verifyAndRemember = async (request: FastifyRequest, authorization: string) => {
    uses.misses++
    const verified = { authorization, ...(await verify(request)) }
    remembered.set(authorization.slice(-keyLength), verified)
    return verified
  }
  /** Requests that bring the same new token at once share its verification. */
  const verifying = new Map<string, Promise<Verified>>()
  const verifyOnce = (request: FastifyRequest, authorization: string) => {
    const running = verifying.get(authorization)
    if (running !== undefined) return running
    const started = verifyAndRemember(request, authorization).finally(() => verifying.delete(authorization))
    verifying.set(authorization, started)
    return started
  }
  return (request, _reply, done) => {
    const { authorization = '' } = request.headers
    const known = remembered.get(authorization.slice(-keyLength))
    if (known?.authorization === authorization) {
      uses.hits++
      admit(request, known)
      done()
    } else {
      checkBearer(authorization)
      verifyOnce(request, authorization)
        .then((verified) => admit(request, verified))
        .then(() => done(), done)
    }
  }
}
