// Limits how many requests use the database at the same time, and rejects requests immediately when overloaded.
import { Problem } from './problem.ts'

export interface AdmissionLimits {
  /** how many requests may run at the same time */
  readonly concurrency: number
  /** how long a request may wait for its turn before the service counts as overloaded, in milliseconds */
  readonly longestWaitMs: number
}

/**
 * Runs the work when its turn comes.
 * @throws Problem 503 with Retry-After when the service is overloaded
 */
export type Admission = <Result>(work: () => Promise<Result>) => Promise<Result>

interface Waiting {
  readonly start: () => void
  readonly reject: () => void
}

/** The pace is known once this many times `concurrency` requests have had their turn. */
const paceSampleFactor = 10

/** Overload ends when, for this many milliseconds, at most one request was rejected for ten that were admitted. */
const calmMs = 500
const admittedPerRejection = 10

/**
 * Returns an admission of `concurrency` requests at a time. It has two states:
 *
 * - normal: the others wait in order of arrival, however many they are, as long as all are served in time;
 * - overloaded: the newest goes first, only the latest `concurrency` may wait, and the others are rejected immediately.
 *
 * It becomes overloaded when a request has waited longer than `longestWaitMs`, or will at the current pace. It is normal
 * again when few requests are rejected, not when the queue is empty: the next burst would have to wait too long first.
 * Admitted requests so get a quick response (adaptive LIFO: B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015).
 */
export function limitWaiting({ concurrency, longestWaitMs }: AdmissionLimits): Admission {
  let state: 'normal' | 'overloaded' = 'normal'
  /** in order of arrival */
  let queue: Waiting[] = []
  let running = 0
  /** since the queue was last empty: when that was, and how many left it for their turn */
  let pace = { since: 0, turns: 0 }
  /** since the state was last reviewed */
  let counts = { since: 0, admitted: 0, rejected: 0 }

  const countAnew = () => {
    counts = { since: performance.now(), admitted: 0, rejected: 0 }
  }

  /** normal or overloaded → overloaded: only the newest keep waiting. */
  const becomeOverloaded = () => {
    if (state === 'normal') countAnew()
    state = 'overloaded'
    for (const one of queue.splice(0, queue.length - concurrency)) one.reject()
  }

  /** overloaded → normal, unless too many requests were rejected */
  const reviewOverload = () => {
    if (performance.now() - counts.since < calmMs) return
    if (counts.rejected * admittedPerRejection <= counts.admitted) state = 'normal'
    countAnew()
  }

  const willWaitTooLong = () =>
    pace.turns >= paceSampleFactor * concurrency &&
    (queue.length * (performance.now() - pace.since)) / pace.turns > longestWaitMs

  const waitForTurn = () =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        queue = queue.filter((other) => other !== one)
        one.reject()
        becomeOverloaded()
      }, longestWaitMs)
      const one: Waiting = {
        start: () => {
          clearTimeout(timer)
          resolve()
        },
        reject: () => {
          clearTimeout(timer)
          counts.rejected++
          reject(overloaded())
        },
      }
      if (queue.length === 0) pace = { since: performance.now(), turns: 0 }
      queue.push(one)
      if (state === 'overloaded' || willWaitTooLong()) becomeOverloaded()
    })

  const startNext = () => {
    const next = state === 'overloaded' ? queue.pop() : queue.shift()
    if (next === undefined) {
      running--
    } else {
      pace.turns++
      next.start()
    }
  }

  return async (work) => {
    if (state === 'overloaded') reviewOverload()
    if (running < concurrency) running++
    else await waitForTurn()
    counts.admitted++
    try {
      return await work()
    } finally {
      startNext()
    }
  }
}

/** 503: no capacity is left. */
export function overloaded(): Problem {
  return new Problem('overloaded', 'The service is overloaded. Retry later.', { 'retry-after': '1' })
}
