// Limits how many requests a client sends in a second, if the operator wants it.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'
import { holderOf } from './holder.ts'

/** The policy's name in the RateLimit headers. */
const policy = '"client"'

/** How many clients are counted at a time; the least recently seen ones are forgotten. */
const maxCounted = 10_000

/**
 * Adds a hook to the scope that counts the requests of each client (the user of its token) and rejects those above the
 * limit of a second with 429. All responses have the RateLimit headers of draft-ietf-httpapi-ratelimit-headers-10.
 * The scope must have the hook requireCaller already.
 * @param perSecond undefined: no limit, and no hook
 */
export async function limitRate(scope: FastifyInstance, perSecond: number | undefined): Promise<void> {
  if (perSecond === undefined) return
  // loaded only here: most services have no such limit
  await scope.register(import('@fastify/rate-limit'), { global: false, cache: maxCounted })
  const count = scope.createRateLimit({ max: perSecond, timeWindow: 1000, keyGenerator: clientOf })
  scope.addHook('onRequest', async (request, reply) => {
    const counted = await count(request)
    if (counted.isAllowed) return
    const seconds = Math.max(1, counted.ttlInSeconds)
    reply.header('ratelimit-policy', `${policy};q=${perSecond};w=1`)
    reply.header('ratelimit', `${policy};r=${counted.remaining};t=${seconds}`)
    if (counted.isExceeded) throw tooManyRequests(seconds)
  })
}

function clientOf(request: FastifyRequest): string {
  return `${holderOf(request)} ${request.caller?.userId}`
}

function tooManyRequests(seconds: number): Problem {
  return new Problem('too_many_requests', 'Too many requests of this client. Retry later.', {
    'retry-after': String(seconds),
  })
}
