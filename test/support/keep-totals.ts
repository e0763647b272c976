// The keeper of the totals, one round at a time, so that a test knows when they are counted.
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from '../../src/database/database.ts'
import { prepareRound } from '../../src/totals/keeper.ts'

/** Returns a function that does a round, and fails when the totals cannot be kept. */
export function totalsKeeper(database: Database): () => Promise<void> {
  const round = prepareRound(database, async (step) => {
    for (;;) if (!(await step())) return
  })
  const keep = async () => {
    const hindrance = await round()
    if (hindrance !== undefined) throw new Error(hindrance)
  }
  return async () => {
    await keep()
    // Transaction ids are of the whole server: an hour is not counted before older transactions in the databases of
    // other test files have ended.
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
  const awaited = new Set(await running())
  while ((await running()).some((id) => awaited.has(id))) await sleep(10)
}
