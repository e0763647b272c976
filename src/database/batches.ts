// Gathers what is asked for at about the same time into one statement, which costs little more than one of its parts.
import { channel } from 'node:diagnostics_channel'
import DataLoader from 'dataloader'
import { databaseFailure, NotSent } from './sqlstate.ts'

export interface BatchLimits {
  /** how many batches may be under way at once; what comes meanwhile makes up the next ones */
  readonly atOnce: number
  /** how many items a batch may have */
  readonly most: number
  /** how long a batch may wait for its start, in milliseconds */
  readonly patienceMs: number
}

/** How a statement takes any number of rows: a list for each member. */
export type Lists<Row> = { readonly [Member in keyof Row]: readonly Row[Member][] }

/** The channel of node:diagnostics_channel that tells of each batch in the process, as it starts, how many items it has. */
export const batchSizes = 'interaction-api:batch-size'

const sizes = channel(batchSizes)

/**
 * Makes a function of one item out of a function of many. A batch starts as soon as fewer than `atOnce` are under
 * way: when nothing is, at the end of the present turn of the event loop, so that a single item waits for no other.
 * A batch that waits for too long rejects all its items with NotSent.
 * @param run answers each item at its index, all or none: when it throws, each item is run alone, so that a bad one
 *   fails no other; unless the database does not answer, which rejects them all
 */
export function gather<Item, Answer>(
  run: (items: readonly Item[]) => Promise<readonly Answer[]>,
  { atOnce, most, patienceMs }: BatchLimits,
): (item: Item) => Promise<Answer> {
  let underWay = 0
  let isGivingUp = false
  const waiting: { readonly start: () => void; readonly timer: NodeJS.Timeout }[] = []
  const startNext = () => {
    if (underWay >= atOnce) return
    const next = waiting.shift()
    if (next === undefined) return
    clearTimeout(next.timer)
    underWay++
    next.start()
  }
  // the batches wait in the order in which they came, and all for as long
  const giveUpFirst = () => {
    isGivingUp = true
    waiting.shift()?.start()
    isGivingUp = false
  }
  const loader = new DataLoader<Item, Answer>(
    async (items) => {
      if (isGivingUp) throw new NotSent()
      sizes.publish(items.length)
      try {
        return await run(items).catch((error: unknown) => runOneByOne(run, items, error))
      } finally {
        underWay--
        startNext()
      }
    },
    {
      cache: false,
      maxBatchSize: most,
      batchScheduleFn: (start) => {
        waiting.push({ start, timer: setTimeout(giveUpFirst, patienceMs) })
        setImmediate(startNext)
      },
    },
  )
  return (item) => loader.load(item)
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
