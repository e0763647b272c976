// The keeper of the totals, one round at a time, so that a test knows when they are counted.
import type { Database } from '../../src/database/database.ts'
import { prepareRound } from '../../src/totals/keeper.ts'

/** @returns a function that does a round, and fails when it cannot */
export function totalsKeeper(database: Database): () => Promise<void> {
  const round = prepareRound(database, async (step) => {
    for (;;) if (!(await step())) return
  })
  return async () => {
    const hindrance = await round()
    if (hindrance !== undefined) throw new Error(hindrance)
  }
}
