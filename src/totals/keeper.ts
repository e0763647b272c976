// Keeps the totals in the background while the server runs.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import { isTransient } from '../database/sqlstate.ts'
import { messageOf } from '../types/error-message.ts'
import {
  addChanges,
  advanceWatermark,
  countHours,
  dropTotals,
  haveEnded,
  nextTransactionId,
  readState,
  recordsChanges,
} from './counting.ts'

export interface TotalsKeeper {
  /** Stops after the current step, and waits for it. */
  close(): Promise<void>
}

/** The log of the keeper: `info` for progress, `warn` when no totals are kept and each search counts. */
export interface KeeperLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** The pause between two rounds, in milliseconds. */
const restMilliseconds = 5_000

/** For how long the database may be unavailable, as in a failover, before the log says so, in milliseconds. */
const toleratedMilliseconds = 60_000

/** The interval at which the progress of a long count is logged, in milliseconds. */
const reportMilliseconds = 10_000

/**
 * Keeps the totals of a database until closed, in rounds: advances the watermark, counts hours, adds recorded changes.
 * Pauses after each step for as long as the step took, so that it uses at most half of one connection. Correct results
 * do not depend on it: a search counts the hours that are not counted yet.
 */
export function keepTotals(database: Database, log: KeeperLog): TotalsKeeper {
  const closing = new AbortController()
  const rest = (milliseconds: number) =>
    sleep(milliseconds, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
  const warn = onChange((reason) => log.warn({ reason }, 'totals are not kept: each search counts'))
  let lastSuccess = performance.now()

  async function work(): Promise<void> {
    const round = prepareRound(database, inSteps)
    while (!closing.signal.aborted) {
      try {
        warn(await round())
        lastSuccess = performance.now()
      } catch (error) {
        // the totals stay exact while the connection is lost; the next round continues
        const isTolerated = isTransient(error) && performance.now() - lastSuccess < toleratedMilliseconds
        if (!isTolerated) warn(messageOf(error))
      }
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
 * Returns a function that runs one round. Between rounds it remembers which transactions must end before hours are
 * counted.
 * @param inSteps repeats a step until the step returns false
 * @returns a function that resolves with the reason why no totals are kept, or with undefined
 */
export function prepareRound(
  database: Database,
  inSteps: (step: () => Promise<boolean>) => Promise<void>,
): () => Promise<string | undefined> {
  let awaited = { watermarkVersion: '', transactionId: '' }
  return async () => {
    // The totals of a standby come from its primary.
    if ((await database.ping()).isReadOnly) return undefined
    const isRecording = await recordsChanges(database)
    if (isRecording) await advanceWatermark(database)
    const state = await readState(database)
    if (state === undefined) return 'the row of interaction_day_totals_state is missing'
    const { watermarkVersion, watermark, countedUntil } = state
    if (!isRecording) {
      if (watermark !== '-infinity') await dropTotals(database)
      return 'triggers of the interactions table are missing or disabled'
    }
    if (awaited.watermarkVersion !== watermarkVersion)
      awaited = { watermarkVersion, transactionId: await nextTransactionId(database) }
    if (countedUntil !== watermark && (await haveEnded(database, awaited.transactionId)))
      await inSteps(() => countHours(database, watermarkVersion))
    await inSteps(() => addChanges(database))
    return undefined
  }
}

/** Returns a function that calls `report` when its argument differs from that of the previous call. */
function onChange(report: (text: string) => void): (text: string | undefined) => void {
  let last: string | undefined
  return (text) => {
    if (text !== undefined && text !== last) report(text)
    last = text
  }
}
