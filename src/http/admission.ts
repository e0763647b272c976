// Limits how many requests use the database at the same time. Holders (organizations, users, clients) take turns, and
// each has its own queue: one that sends too many requests is rejected, and the others are not.

import { Problem } from './problem.ts'
import { rejectInTurn } from './rejections.ts'

export interface AdmissionLimits {
  /** how many requests may run at the same time; one holder may use all */
  readonly concurrency: number
  /** how many more may run of holders that have none running, so that these need not wait for others; 0 by default */
  readonly reserve?: number
  /** how long a request may wait for its turn before its holder counts as overloading the service, in milliseconds */
  readonly longestWaitMs: number
}

/**
 * Runs the work when the holder's turn comes.
 * @param holder what requests are counted by
 * @param abandoned ends the wait
 * @throws Problem 503 with Retry-After when the holder overloads the service
 */
export type Admission = <Result>(
  holder: string,
  work: () => Promise<Result>,
  abandoned?: AbortSignal,
) => Promise<Result>

interface Waiting {
  readonly start: () => void
  readonly reject: () => void
}

interface Holder {
  running: number
  /** a number that grows with each turn of any holder */
  lastTurn: number
  state: 'normal' | 'overloaded'
  /** in order of arrival */
  readonly queue: Waiting[]
  /** since the queue was last empty: when that was, and how many left it for their turn */
  pace: { readonly since: number; turns: number }
  /** since the state was last reviewed */
  counts: { readonly since: number; admitted: number; rejected: number }
}

/** The pace is known once this many times `concurrency` requests have had their turn. */
const paceSampleFactor = 10

/** Overload ends when, for this many milliseconds, at most one request was rejected for ten that were admitted. */
const calmMs = 500
const admittedPerRejection = 10

/** Idle holders are forgotten when there are more than this. */
const maxRemembered = 1000

/**
 * Returns an admission of `concurrency` requests at a time. A free turn goes to the holder that has the fewest running,
 * among equals to the one whose last turn was longest ago. The queue of each holder has two states:
 *
 * - normal: requests wait in order of arrival, however many they are, as long as all are served in time;
 * - overloaded: the newest goes first, only the latest `concurrency` may wait, and the others are rejected immediately.
 *
 * It becomes overloaded when a request has waited longer than `longestWaitMs`, or will at the current pace. It is normal
 * again when few requests are rejected, not when the queue is empty: the next burst would have to wait too long first.
 * Admitted requests so get a quick response (adaptive LIFO: B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015).
 */
export function limitWaiting({ concurrency, reserve = 0, longestWaitMs }: AdmissionLimits): Admission {
  const holders = new Map<string, Holder>()
  /** the holders of waiting requests */
  const waiting = new Set<Holder>()
  let running = 0
  let turns = 0

  const findHolder = (name: string) => {
    const known = holders.get(name)
    if (known !== undefined) return known
    if (holders.size >= maxRemembered) forgetIdle()
    const holder: Holder = {
      running: 0,
      lastTurn: 0,
      state: 'normal',
      queue: [],
      pace: { since: 0, turns: 0 },
      counts: { since: 0, admitted: 0, rejected: 0 },
    }
    holders.set(name, holder)
    return holder
  }

  const forgetIdle = () => {
    for (const [name, holder] of holders)
      if (holder.running === 0 && holder.queue.length === 0) holders.delete(name)
  }

  const mayStart = (holder: Holder) =>
    running < concurrency || (holder.running === 0 && running < concurrency + reserve)

  /** normal or overloaded → overloaded: only the newest keep waiting. */
  const becomeOverloaded = (holder: Holder) => {
    if (holder.state === 'normal') countAnew(holder)
    holder.state = 'overloaded'
    for (const one of holder.queue.splice(0, holder.queue.length - concurrency)) one.reject()
  }

  /** overloaded → normal, unless too many requests were rejected */
  const reviewOverload = (holder: Holder) => {
    const { since, admitted, rejected } = holder.counts
    if (performance.now() - since < calmMs) return
    if (rejected * admittedPerRejection <= admitted) holder.state = 'normal'
    countAnew(holder)
  }

  const willWaitTooLong = ({ queue, pace }: Holder) =>
    pace.turns >= paceSampleFactor * concurrency &&
    (queue.length * (performance.now() - pace.since)) / pace.turns > longestWaitMs

  const waitForTurn = (holder: Holder, abandoned: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => {
        const index = holder.queue.indexOf(one)
        if (index >= 0) holder.queue.splice(index, 1)
        if (holder.queue.length === 0) waiting.delete(holder)
        one.reject()
      }
      const timer = afterWait(longestWaitMs, () => {
        leave()
        becomeOverloaded(holder)
      })
      const stop = () => {
        clearTimeout(timer)
        abandoned?.removeEventListener('abort', leave)
      }
      const one: Waiting = {
        start: () => {
          stop()
          resolve()
        },
        reject: () => {
          stop()
          holder.counts.rejected++
          rejectInTurn(() => reject(overloaded()))
        },
      }
      if (abandoned?.aborted) return one.reject()
      if (holder.queue.length === 0) holder.pace = { since: performance.now(), turns: 0 }
      holder.queue.push(one)
      waiting.add(holder)
      abandoned?.addEventListener('abort', leave)
      if (holder.state === 'overloaded' || willWaitTooLong(holder)) becomeOverloaded(holder)
    })

  const isBefore = (one: Holder, other: Holder) =>
    one.running < other.running || (one.running === other.running && one.lastTurn < other.lastTurn)

  const takeTurn = (holder: Holder) => {
    running++
    holder.running++
    holder.lastTurn = ++turns
  }

  const startNext = () => {
    let holder: Holder | undefined
    for (const one of waiting) if (holder === undefined || isBefore(one, holder)) holder = one
    if (holder === undefined || !mayStart(holder)) return
    const next = holder.state === 'overloaded' ? holder.queue.pop() : holder.queue.shift()
    if (holder.queue.length === 0) waiting.delete(holder)
    holder.pace.turns++
    takeTurn(holder)
    next?.start()
  }

  return async (name, work, abandoned) => {
    const holder = findHolder(name)
    if (holder.state === 'overloaded') reviewOverload(holder)
    if (mayStart(holder)) takeTurn(holder)
    else await waitForTurn(holder, abandoned)
    holder.counts.admitted++
    try {
      return await work()
    } finally {
      running--
      holder.running--
      startNext()
    }
  }
}

function countAnew(holder: Holder): void {
  holder.counts = { since: performance.now(), admitted: 0, rejected: 0 }
}

function afterWait(milliseconds: number, run: () => void): NodeJS.Timeout | undefined {
  return milliseconds === Number.POSITIVE_INFINITY ? undefined : setTimeout(run, milliseconds)
}

/** 503: no capacity is left. */
export function overloaded(): Problem {
  return new Problem('overloaded', 'The service is overloaded. Retry later.', { 'retry-after': '1' })
}
