// Combines concurrent calls into one statement, which costs little more than the statement of a single call.
import { channel } from 'node:diagnostics_channel'
import { databaseFailure, NotSentError } from './sqlstate.ts'

export interface BatchLimits {
  /** how many batches may run at the same time */
  readonly concurrency: number
  /** how many items a batch may have */
  readonly maxSize: number
  /** how long an item may wait for its batch to start, in milliseconds */
  readonly retryTimeoutMs: number
}

/** The parameters of a statement for many rows: one list for each member of a row. */
export type Lists<Row> = { readonly [Member in keyof Row]: readonly Row[Member][] }

/** The diagnostics channel that publishes the size of each batch when it starts. */
export const batchSizes = 'interaction-api:batch-size'

const sizes = channel(batchSizes)

/** How long a batch may be held back to grow, in milliseconds. */
const holdMs = 10

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (reason: unknown) => void
  /** on the clock of `performance.now()`, in milliseconds */
  readonly enqueuedAt: number
}

/** @returns one result for each item, at the item's index */
type Run<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>

/**
 * Turns a function of many items into a function of one. Items wait in a queue, and a batch takes the first of them.
 *
 * While no batch runs, the next one starts at the end of the current turn of the event loop. While others run, it starts
 * when it is full, when as many items wait as are running, or after 10 ms: a few large batches cost less than many
 * small ones, and one slow batch must not delay the others. At most `concurrency` batches run.
 *
 * @param run is called again for each item alone when it rejects, so that one bad item fails no other. When the database
 *   is unavailable or too slow, all items of the batch reject with that error instead.
 * @returns a function that rejects with NotSentError when the batch has not started within `retryTimeoutMs`
 */
export function batch<Item, Result>(
  run: Run<Item, Result>,
  { concurrency, maxSize, retryTimeoutMs }: BatchLimits,
): (item: Item) => Promise<Result> {
  const queue: Waiting<Item, Result>[] = []
  let runningBatches = 0
  let runningItems = 0
  let isTurnEndAwaited = false
  let timer: NodeJS.Timeout | undefined

  const start = async (batched: readonly Waiting<Item, Result>[]) => {
    runningBatches++
    runningItems += batched.length
    sizes.publish(batched.length)
    const settle = await runAll(run, batched)
    runningBatches--
    runningItems -= batched.length
    // first, so that the database works while the callers continue
    advance()
    settle()
  }

  /** Starts the batches that are due, rejects those that have waited too long, and comes back when time matters next. */
  const advance = () => {
    clearTimeout(timer)
    for (let [first] = queue; first !== undefined; [first] = queue) {
      const waitedMs = performance.now() - first.enqueuedAt
      const isLarge = queue.length >= Math.min(runningItems, maxSize)
      if (runningBatches < concurrency && (isLarge || waitedMs >= holdMs)) {
        void start(queue.splice(0, maxSize))
      } else if (waitedMs >= retryTimeoutMs) {
        rejectAll(queue.splice(0, maxSize), new NotSentError())
      } else {
        const nextMs = waitedMs < holdMs ? Math.min(holdMs, retryTimeoutMs) : retryTimeoutMs
        timer = setTimeout(advance, Math.ceil(nextMs - waitedMs))
        return
      }
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject, enqueuedAt: performance.now() })
      if (isTurnEndAwaited) return
      isTurnEndAwaited = true
      setImmediate(() => {
        isTurnEndAwaited = false
        advance()
      })
    })
}

/** Runs the items together, or each alone when that fails. @returns a function that settles their promises */
async function runAll<Item, Result>(
  run: Run<Item, Result>,
  batched: readonly Waiting<Item, Result>[],
): Promise<() => void> {
  try {
    const results = await run(batched.map(({ item }) => item))
    if (results.length !== batched.length)
      return () => rejectAll(batched, new Error('a batch returned another number of results than of items'))
    return () =>
      results.forEach((result, index) => {
        batched[index]?.resolve(result)
      })
  } catch (error) {
    const failure = databaseFailure(error)
    if (batched.length === 1 || failure === 'unavailable' || failure === 'timeout')
      return () => rejectAll(batched, error)
    const settlers: (() => void)[] = []
    for (const one of batched) settlers.push(await runAll(run, [one]))
    return () => {
      for (const settle of settlers) settle()
    }
  }
}

function rejectAll(
  waiting: readonly { readonly reject: (reason: unknown) => void }[],
  reason: unknown,
): void {
  for (const { reject } of waiting) reject(reason)
}

/** Sorts by id: statements that lock the same rows in the same order cannot deadlock. */
export function inOrder<Item extends { readonly id: string }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}
