// Combines concurrent calls into one statement, which costs little more than the statement of a single call.
import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { databaseFailure, NotSentError } from '../sqlstate.ts'
import { divide, turnTaker, weightOf } from './turns.ts'

export interface BatchLimits {
  /** how many batches may run at the same time */
  readonly concurrency: number
  /** how many items a batch may have */
  readonly maxSize: number
  /** how much the items of a batch may weigh, if it has several; no limit by default */
  readonly maxWeight?: number
  /** how long an item may wait for its batch to start, in milliseconds */
  readonly startTimeoutMs: number
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
  readonly holder: string
  readonly weight: number
  readonly resolve: (result: Result) => void
  readonly reject: (reason: unknown) => void
  /** the call's context, in which traces find its request */
  readonly context: AsyncResource
  /** on the clock of `performance.now()`, in milliseconds */
  readonly enqueuedAt: number
}

/** @returns one result for each item, at the item's index */
type Run<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>

/**
 * Runs an item in a batch.
 * @param holder whose turn it takes
 * @param weight its share of `maxWeight`; 0 by default
 * @throws NotSentError when its batch has not started within `startTimeoutMs`
 */
export type RunInBatch<Item, Result> = (item: Item, holder: string, weight?: number) => Promise<Result>

/**
 * Turns a function of many items into a function of one. Items wait in a queue. A batch takes all of them; if they are
 * too many or too heavy, it takes items of each holder in turn.
 *
 * While no batch runs, the next one starts at the end of the current turn of the event loop. While others run, it starts
 * when it is full, when as many items wait as are running, or after 10 ms: a few large batches cost less than many
 * small ones, and one slow batch must not delay the others. At most `concurrency` batches run, and one more of holders
 * that have no item running: these do not wait for slow batches of others.
 *
 * @param run is called again for the items of each holder, then for each item alone, when it rejects, so that one bad
 *   item fails no other. When the database is unavailable, read-only or too slow, all items of the batch reject with that error.
 */
export function batch<Item, Result>(
  run: Run<Item, Result>,
  { concurrency, maxSize, maxWeight = Number.POSITIVE_INFINITY, startTimeoutMs }: BatchLimits,
): RunInBatch<Item, Result> {
  type One = Waiting<Item, Result>
  // not a set: V8 keeps what was in a set that changes all the time alive until its next full garbage collection
  let running: readonly (readonly One[])[] = []
  let queue: One[] = []
  let queuedWeight = 0
  let runningItems = 0
  let isTurnEndAwaited = false
  let timer: NodeJS.Timeout | undefined
  const takeInTurn = turnTaker<One>(maxSize, maxWeight)

  const start = async (batched: readonly One[]) => {
    const [first] = batched
    if (first === undefined) return
    running = [...running, batched]
    runningItems += batched.length
    sizes.publish(batched.length)
    // the statement belongs to the trace of the first item, not to that of the batch that ended before
    const settle = await first.context.runInAsyncScope(() => runAll(run, batched))
    running = running.filter((one) => one !== batched)
    runningItems -= batched.length
    // first, so that the database works while the callers continue
    advance()
    settle()
  }

  const remove = (taken: readonly One[]) => {
    if (taken.length === queue.length) queue = []
    else {
      const gone = new Set(taken)
      queue = queue.filter((one) => !gone.has(one))
    }
    queuedWeight = queue.length === 0 ? 0 : queuedWeight - weightOf(taken)
  }

  const startNext = (waiting: readonly One[]) => {
    const fits = waiting.length <= maxSize && (queuedWeight <= maxWeight || weightOf(waiting) <= maxWeight)
    const taken = fits ? waiting : takeInTurn(waiting)
    remove(taken)
    void start(taken)
  }

  const isRunning = (holder: string) =>
    running.some((batched) => batched.some((one) => one.holder === holder))

  /** Starts the batches that are due, rejects those that have waited too long, and comes back when time matters next. */
  const advance = () => {
    clearTimeout(timer)
    for (let [first] = queue; first !== undefined; [first] = queue) {
      const waitedMs = performance.now() - first.enqueuedAt
      const isLarge = queue.length >= Math.min(runningItems, maxSize) || queuedWeight >= maxWeight
      if (running.length < concurrency && (isLarge || waitedMs >= holdMs)) {
        startNext(queue)
        continue
      }
      const newcomers = running.length === concurrency ? queue.filter(({ holder }) => !isRunning(holder)) : []
      if (newcomers.length > 0) {
        startNext(newcomers)
      } else if (waitedMs >= startTimeoutMs) {
        const now = performance.now()
        const overdue = queue.filter(({ enqueuedAt }) => now - enqueuedAt >= startTimeoutMs)
        remove(overdue)
        rejectAll(overdue, new NotSentError())
      } else {
        const nextMs = waitedMs < holdMs ? Math.min(holdMs, startTimeoutMs) : startTimeoutMs
        timer = setTimeout(advance, Math.ceil(nextMs - waitedMs))
        return
      }
    }
  }

  return (item, holder, weight = 0) =>
    new Promise((resolve, reject) => {
      const context = new AsyncResource('batch')
      queue.push({ item, holder, weight, resolve, reject, context, enqueuedAt: performance.now() })
      queuedWeight += weight
      if (isTurnEndAwaited) return
      isTurnEndAwaited = true
      setImmediate(() => {
        isTurnEndAwaited = false
        advance()
      })
    })
}

/** Runs the items together; when that fails, in parts. @returns a function that settles those that are not yet settled */
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
    if (batched.length === 1 || failure === 'unavailable' || failure === 'timeout' || failure === 'read-only')
      return () => rejectAll(batched, error)
    for (const part of divide(batched)) {
      const settle = await runAll(run, part)
      settle()
    }
    return () => {}
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
