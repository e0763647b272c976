// Keeps the totals in the background, beside the requests.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import {
  addChanges,
  advanceWatermark,
  countHours,
  forgetTotals,
  haveEnded,
  isReadOnly,
  nextTransactionId,
  readState,
  recordsChanges,
} from './counting.ts'

export interface TotalsKeeper {
  /** Ends the step that is under way, and waits for it. */
  close(): Promise<void>
}

/** What the keeper tells of itself: `info` when something is over, `warn` when totals are counted by each search. */
export interface KeeperLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** Milliseconds between two looks at whether there is something to do. */
const restMilliseconds = 5_000

/** How often it is told how far a long count has come, in milliseconds. */
const reportMilliseconds = 10_000

/**
 * Keeps the totals of this database until closed: seals the hours that are over, counts them, adds what changed. It
 * works in steps and rests as long as each took, so that it takes half of one connection at most. Nothing depends on
 * it: what is not counted yet is counted by each search.
 */
export function keepTotals(database: Database, log: KeeperLog): TotalsKeeper {
  const closing = new AbortController()
  const rest = (milliseconds: number) =>
    sleep(milliseconds, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
  const tellHindrance = tellOnce((reason) => log.warn({ reason }, 'totals are not kept: each search counts'))

  async function work(): Promise<void> {
    const round = prepareRound(database, inSteps)
    while (!closing.signal.aborted) {
      tellHindrance(await round().catch((error: unknown) => String(error)))
      await rest(restMilliseconds)
    }
  }

  async function inSteps(step: () => Promise<boolean>): Promise<void> {
    const began = performance.now()
    let reported = began
    for (;;) {
      const stepBegan = performance.now()
      const isLast = !(await step())
      const now = performance.now()
      if (now - reported > reportMilliseconds || (isLast && reported > began)) {
        reported = now
        const state = await readState(database)
        log.info({ ...state }, isLast ? 'totals are counted' : 'counting totals')
      }
      if (isLast || closing.signal.aborted) return
      await rest(now - stepBegan)
    }
  }

  const working = work()
  return {
    async close() {
      closing.abort()
      await working
    },
  }
}

/**
 * Prepares what the keeper does again and again; in between, it remembers since when it waits for which transactions.
 * @param inSteps repeats a step until it says that there is no more to do
 * @returns a function that does it once, and answers what keeps the totals from being kept, if anything does
 */
export function prepareRound(
  database: Database,
  inSteps: (step: () => Promise<boolean>) => Promise<void>,
): () => Promise<string | undefined> {
  let known = { watermarkVersion: '', transactionId: '' }
  return async () => {
    // of a standby, whose primary has its own server to keep them
    if (await isReadOnly(database)) return undefined
    const isRecording = await recordsChanges(database)
    if (isRecording) await advanceWatermark(database)
    const state = await readState(database)
    if (state === undefined) return 'the row of interaction_day_totals_state is missing'
    const { watermarkVersion, watermark, countedUntil } = state
    if (!isRecording) {
      if (watermark !== '-infinity') await forgetTotals(database)
      return 'triggers of the interactions table are missing or switched off'
    }
    if (known.watermarkVersion !== watermarkVersion)
      known = { watermarkVersion, transactionId: await nextTransactionId(database) }
    if (countedUntil !== watermark && (await haveEnded(database, known.transactionId)))
      await inSteps(() => countHours(database, watermarkVersion))
    await inSteps(() => addChanges(database))
    return undefined
  }
}

/** Calls `tell` when what it is given is another text than the last time. */
function tellOnce(tell: (text: string) => void): (text: string | undefined) => void {
  let last: string | undefined
  return (text) => {
    if (text !== undefined && text !== last) tell(text)
    last = text
  }
}
