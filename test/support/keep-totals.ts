// Runs the keeper of the totals one round at a time, so that a test knows when the totals are up to date.
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from '../../src/database/database.ts'
import { prepareRound } from '../../src/totals/keeper.ts'

/** Returns a function that brings the totals up to date. It rejects when a round cannot be completed. */
export function totalsKeeper(database: Database): () => Promise<void> {
  const round = prepareRound(database, async (step) => {
    for (;;) if (!(await step())) return
  })
  const keep = async () => {
    const problem = await round()
    if (problem !== undefined) throw new Error(problem)
  }
  return async () => {
    await keep()
    // All databases of a server share the transaction ids: an hour is counted only after older transactions have ended,
    // also those in the databases of other test files.
    await endOfOtherTransactions(database)
    await keep()
  }
}

async function endOfOtherTransactions({ kysely }: Database): Promise<void> {
  const running = async () => {
    const { rows } = await sql<{ id: string }>`
      select backend_xid::text as id from pg_stat_activity
      where backend_xid is not null and datname is distinct from current_database()`.execute(kysely)
    return rows.map(({ id }) => id)
  }
  const older = new Set(await running())
  while ((await running()).some((id) => older.has(id))) await sleep(10)
}
