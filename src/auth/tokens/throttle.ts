// Slows down guessing of client secrets: after too many failures, requests are refused before any secret is checked.
import { hash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { LRUCache } from 'lru-cache'
import { limitWaiting } from '../../http/admission.ts'
import { networkOf } from '../../http/limits/holder.ts'
import { Problem } from '../../http/problem.ts'
import type { Turns } from '../clients/clients.ts'
import { rememberSecrets } from '../clients/remembered-secrets.ts'
import { verifySecret } from '../clients/secrets.ts'

export interface ThrottleLimits {
  /** failures per window and client id */
  readonly failuresPerClient: number
  /** failures per window and address */
  readonly failuresPerAddress: number
  /** counted from the first failure */
  readonly failureWindowSeconds: number
}

/** What failures are counted by. */
export interface RequestSource {
  readonly clientId: string
  /** the IP address of the client */
  readonly address: string
}

/** Number of client ids and addresses that are counted, at about 200 bytes each. The least recently used are dropped. */
const maxCounted = 20_000

/** Hashes at once: with the reserve fewer than Node's worker threads, so that one is free for files and DNS. */
const hashing = { concurrency: 2, reserve: 1 } as const

/** Statements at once. */
const reading = { concurrency: 3, reserve: 2 } as const

/** How long a request may wait for its turn, in milliseconds. */
const longestWaitMs = 5000

const familiarForMs = 24 * 60 * 60 * 1000

/**
 * Returns a function that runs `check`, which returns undefined for wrong credentials, and counts such failures by
 * client id, known or not, and by address. Successes are not counted, so that correct clients are never slowed down.
 *
 * Where a client has succeeded within a day, its failures are counted apart for that address: others who fail with
 * its id elsewhere, or with other ids there, cannot lock it out. It also has turns of its own; all other requests take
 * those of their address. A secret that was verified lately is not hashed again.
 * @throws Problem too_many_requests with Retry-After from the limit to the end of the window, whatever the
 *   credentials; overloaded when too many requests are waiting
 */
export function openThrottle(limits: ThrottleLimits, log: FastifyBaseLogger) {
  const failures = new LRUCache<string, { count: number }>({
    max: maxCounted,
    ttl: limits.failureWindowSeconds * 1000,
  })
  const familiar = new LRUCache<string, true>({ max: maxCounted, ttl: familiarForMs })
  const verifyOnce = rememberSecrets()
  const admitReading = limitWaiting({ ...reading, longestWaitMs })
  const admitHashing = limitWaiting({ ...hashing, longestWaitMs })

  return async <T>(
    source: RequestSource,
    check: (turns: Turns) => Promise<T | undefined>,
  ): Promise<T | undefined> => {
    const network = networkOf(source.address)
    // bounds the memory for ids of any length
    const client = hash('sha256', source.clientId, 'base64url')
    const pair = `${client} at ${network}`
    const isFamiliar = familiar.has(pair)
    const holder = isFamiliar ? pair : network
    const counters = isFamiliar
      ? [{ key: pair, limit: limits.failuresPerClient }]
      : [
          { key: client, limit: limits.failuresPerClient },
          { key: network, limit: limits.failuresPerAddress },
        ]
    const refuseAboveLimit = () => {
      for (const { key, limit } of counters)
        if ((failures.get(key)?.count ?? 0) >= limit)
          throw tooManyFailures(Math.ceil(failures.getRemainingTTL(key) / 1000))
    }
    const countFailure = () => {
      for (const { key, limit } of counters) {
        const failed = failures.get(key) ?? { count: 0 }
        failed.count++
        if (failed.count === 1) failures.set(key, failed)
        if (failed.count === limit) log.warn({ address: source.address }, 'too many failed token requests')
      }
    }

    const verify: typeof verifySecret = (secret, hashes, cost) =>
      verifyOnce(secret, hashes, holder, () =>
        admitHashing(holder, async () => {
          refuseAboveLimit()
          return verifySecret(secret, hashes, cost)
        }),
      )

    refuseAboveLimit()
    const found = await check({ read: (work) => admitReading(holder, work), verify })
    // parallel guesses must not learn more than sequential ones
    refuseAboveLimit()
    if (found === undefined) countFailure()
    else familiar.set(pair, true)
    return found
  }
}

function tooManyFailures(seconds: number): Problem {
  return new Problem('too_many_requests', 'Too many failed requests. Retry later.', {
    'retry-after': String(Math.max(1, seconds)),
  })
}
