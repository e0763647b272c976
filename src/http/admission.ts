// Bounds how long requests wait for the database, so that those it has no time for are told so at once.
import { Problem } from './problem.ts'

export interface AdmissionLimits {
  /** how many may be under way at once */
  readonly concurrency: number
  /** how long others may wait for their turn before there are too many of them, in milliseconds */
  readonly longestWaitMs: number
}

/**
 * Runs the work when its turn comes.
 * @throws Problem 503 with Retry-After when there is too much of it
 */
export type Admission = <Answer>(work: () => Promise<Answer>) => Promise<Answer>

interface Waiting {
  readonly start: () => void
  readonly refuse: () => void
}

/** How many times `concurrency` must have had their turn before it can be told how long the next ones will wait. */
const enoughTurns = 10

/** Overload is over once, for so many milliseconds, at most one was refused for ten that were admitted. */
const calmMs = 500
const admittedPerRefusal = 10

/**
 * Lets in as many as may be under way at once, and has the others wait, the first before the next. A crowd that is
 * served in time is no overload, however large. But once one has waited too long, or will have at this pace, there is
 * more to do than can be done: until few are refused, only the latest `concurrency` may wait, the newest goes first,
 * and the others are refused at once. So what is let in is answered quickly, instead of everything too late
 * (adaptive LIFO: B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015). That nobody waits for a moment is not
 * the end of it: the next crowd would be let wait again, until it has waited too long.
 */
export function limitWaiting({ concurrency, longestWaitMs }: AdmissionLimits): Admission {
  /** the oldest first */
  let waiting: Waiting[] = []
  let underWay = 0
  let isOverloaded = false
  /** since when somebody waits, and how many have had their turn since */
  let standingSince = 0
  let turns = 0
  /** since when it is counted how many are admitted and refused, to tell whether it is still overloaded */
  let countedSince = 0
  let admitted = 0
  let refused = 0

  const waitForTurn = () =>
    new Promise<void>((resolve, reject) => {
      const tooLong = setTimeout(() => {
        waiting = waiting.filter((other) => other !== one)
        one.refuse()
        refuseTheOldest()
      }, longestWaitMs)
      const one = {
        start: () => {
          clearTimeout(tooLong)
          resolve()
        },
        refuse: () => {
          clearTimeout(tooLong)
          refused++
          reject(overloaded())
        },
      }
      if (waiting.length === 0) {
        standingSince = performance.now()
        turns = 0
      }
      waiting.push(one)
      if (isOverloaded || willWaitTooLong()) refuseTheOldest()
    })

  const willWaitTooLong = () =>
    turns >= enoughTurns * concurrency &&
    (waiting.length * (performance.now() - standingSince)) / turns > longestWaitMs

  const refuseTheOldest = () => {
    if (!isOverloaded) countAnew()
    isOverloaded = true
    for (const one of waiting.splice(0, waiting.length - concurrency)) one.refuse()
  }

  const endOverload = () => {
    if (performance.now() - countedSince < calmMs) return
    isOverloaded = refused * admittedPerRefusal > admitted
    countAnew()
  }

  const countAnew = () => {
    countedSince = performance.now()
    admitted = 0
    refused = 0
  }

  const leave = () => {
    const next = isOverloaded ? waiting.pop() : waiting.shift()
    if (next === undefined) {
      underWay--
    } else {
      turns++
      next.start()
    }
  }

  return async (work) => {
    if (isOverloaded) endOverload()
    if (underWay < concurrency) underWay++
    else await waitForTurn()
    admitted++
    try {
      return await work()
    } finally {
      leave()
    }
  }
}

/** What is refused for want of time or room. */
export function overloaded(): Problem {
  return new Problem('overloaded', 'There is more to do than this service can. Try again.', {
    'retry-after': '1',
  })
}
