// Keeps the secrets of clients from being guessed: who failed too often is refused, and no secret is looked at.
import { hash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import { Problem } from '../http/problem.ts'

export interface AttemptLimits {
  /** how many failures within the window a client id, and an address, may have */
  readonly failuresPerClient: number
  readonly failuresPerAddress: number
  /** counted from the first failure */
  readonly failureWindowSeconds: number
}

export interface Attempt {
  readonly clientId: string
  /** where the request comes from */
  readonly address: string
}

/** How many client ids and addresses are counted, at about 200 bytes each; the one that failed longest ago gives way. */
const counted = 20_000

/** Fewer than the threads that Node has for such work, so that one is left for files and names. */
const checkedAtOnce = 3

/** About two seconds of work for two cores: who comes later is told to come again. */
const longestQueue = 100

const familiarForMs = 24 * 60 * 60 * 1000

/**
 * Returns a function that runs `check`, which gives undefined for credentials that are wrong, and counts how often
 * that happens for the client id, known or not, and for the address. Success counts for nothing, so that honest load
 * is never slowed. A client is counted apart at an address where it succeeded within a day: a stranger who fails in
 * its name cannot lock it out there.
 * @throws Problem too_many_requests with Retry-After once a limit is reached, until its window ends, whatever the
 *   credentials; unavailable when too many wait to be checked
 */
export function limitAttempts(limits: AttemptLimits, log: FastifyBaseLogger) {
  const failures = new LRUCache<string, { count: number }>({
    max: counted,
    ttl: limits.failureWindowSeconds * 1000,
  })
  const familiar = new LRUCache<string, true>({ max: counted, ttl: familiarForMs })
  const inTurn = pLimit(checkedAtOnce)

  return async <T>(attempt: Attempt, check: () => Promise<T | undefined>): Promise<T | undefined> => {
    const network = networkOf(attempt.address)
    // of one length, whatever the caller gave as its id
    const client = hash('sha256', attempt.clientId, 'base64url')
    const pair = `${client} at ${network}`
    const limited = [
      { key: familiar.has(pair) ? pair : client, limit: limits.failuresPerClient },
      { key: network, limit: limits.failuresPerAddress },
    ]
    const refuseSpent = () => {
      for (const { key, limit } of limited)
        if ((failures.get(key)?.count ?? 0) >= limit)
          throw tooManyFailures(Math.ceil(failures.getRemainingTTL(key) / 1000))
    }
    const countFailure = () => {
      for (const { key, limit } of limited) {
        const failed = failures.get(key) ?? { count: 0 }
        failed.count++
        if (failed.count === 1) failures.set(key, failed)
        if (failed.count === limit) log.warn({ address: attempt.address }, 'too many failed token requests')
      }
    }

    refuseSpent()
    if (inTurn.pendingCount >= longestQueue)
      throw new Problem('unavailable', 'Too many token requests wait. Try again.', { 'retry-after': '1' })
    return inTurn(async () => {
      refuseSpent()
      const found = await check()
      // what came at the same time must not learn more than what comes in turn
      refuseSpent()
      if (found === undefined) countFailure()
      else familiar.set(pair, true)
      return found
    })
  }
}

function tooManyFailures(seconds: number): Problem {
  return new Problem('too_many_requests', 'Too many failed requests. Try again later.', {
    'retry-after': String(Math.max(1, seconds)),
  })
}

/** The address, or of IPv6 the /64 that it is in: whoever has one address of these has them all. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.')
}
