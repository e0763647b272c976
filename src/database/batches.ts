// Gathers what is asked for at about the same time into one statement, which costs little more than one of its parts.
import { channel } from 'node:diagnostics_channel'
import DataLoader from 'dataloader'
import { databaseFailure, NotSentError } from './sqlstate.ts'

export interface BatchLimits {
  /** how many batches may be under way at once; what comes meanwhile makes up the next ones */
  readonly concurrency: number
  /** how many items a batch may have */
  readonly maxSize: number
  /** how long a batch may wait for its start, in milliseconds */
  readonly retryTimeoutMs: number
}

/** How a statement takes any number of rows: a list for each member. */
export type Lists<Row> = { readonly [Member in keyof Row]: readonly Row[Member][] }

/** The channel of node:diagnostics_channel that tells of each batch in the process, as it starts, how many items it has. */
export const batchSizes = 'interaction-api:batch-size'

const sizes = channel(batchSizes)

/** How long a batch may be held back to grow, in milliseconds. */
const holdMs = 10

interface WaitingBatch {
  readonly start: () => void
  /** whether it may be held back to grow */
  mayGrow: boolean
  readonly timers: readonly NodeJS.Timeout[]
}

/**
 * Makes a function of one item out of a function of many. A batch starts at the end of the present turn of the event
 * loop when nothing is under way, so that a single item waits for no other. While others are, and fewer than `concurrency`,
 * it starts when as many items wait as are under way, when it is full, or after 10 ms: many small batches cost more than
 * few that are large, and one that takes long holds up no others. A batch that waits for too long rejects all its items
 * with NotSentError.
 * @param run answers each item at its index, all or none: when it throws, each item is run alone, so that a bad one
 *   fails no other; unless the database does not answer, which rejects them all
 */
export function batch<Item, Answer>(
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
  { concurrency, maxSize, retryTimeoutMs }: BatchLimits,
): (item: Item) => Promise<Answer> {
  const waiting: WaitingBatch[] = []
  let itemsWaiting = 0
  let underWay = 0
  let itemsUnderWay = 0
  let isGivingUp = false
  let isTurnEndAwaited = false

  const startFirst = () => {
    const first = waiting.shift()
    for (const timer of first?.timers ?? []) clearTimeout(timer)
    first?.start()
  }
  const isDue = ({ mayGrow }: WaitingBatch) =>
    underWay < concurrency && (itemsWaiting >= Math.min(itemsUnderWay, maxSize) || !mayGrow)
  const startDue = () => {
    while (waiting[0] !== undefined && isDue(waiting[0])) startFirst()
  }
  const loader = new DataLoader<Item, Answer>(
    async (items) => {
      itemsWaiting -= items.length
      if (isGivingUp) throw new NotSentError()
      underWay++
      itemsUnderWay += items.length
      sizes.publish(items.length)
      try {
        return await run(items).catch((error: unknown) => runOneByOne(run, items, error))
      } finally {
        underWay--
        itemsUnderWay -= items.length
        startDue()
      }
    },
    {
      cache: false,
      maxBatchSize: maxSize,
      batchScheduleFn: (start) => {
        // the batches wait in the order in which they came, and all for as long: the first is the one whose time it is
        const endHold = () => {
          waitingBatch.mayGrow = false
          startDue()
        }
        const giveUp = () => {
          isGivingUp = true
          startFirst()
          isGivingUp = false
        }
        const timers = [setTimeout(endHold, holdMs), setTimeout(giveUp, retryTimeoutMs)]
        const waitingBatch: WaitingBatch = { start, mayGrow: true, timers }
        waiting.push(waitingBatch)
      },
    },
  )
  return (item) => {
    itemsWaiting++
    if (!isTurnEndAwaited) {
      isTurnEndAwaited = true
      setImmediate(() => {
        isTurnEndAwaited = false
        startDue()
      })
    }
    return loader.load(item)
  }
}

async function runOneByOne<Item, Answer>(
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
  items: readonly Item[],
  error: unknown,
): Promise<(Answer | Error)[]> {
  const failure = databaseFailure(error)
  if (items.length === 1 || failure === 'unavailable' || failure === 'timeout') throw error
  const answers: (Answer | Error)[] = []
  for (const item of items) {
    // an array of one item has one answer
    answers.push(await run([item]).then(([answer]) => answer as Answer, toError))
  }
  return answers
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('a batch failed', { cause: reason })
}

/** One order everywhere, so that batches with the same ids wait for each other instead of locking each other out. */
export function inOrder<Item extends { readonly id: string }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}
