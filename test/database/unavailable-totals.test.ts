// What the keeper of the totals logs: a lost connection does not mean that no totals are kept.
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { keepTotals } from '../../src/totals/keeper.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

/** Lets the keeper run one round, and returns its warnings. */
async function warningsOfOneRound(url: string): Promise<string[]> {
  const warnings: string[] = []
  const database = openDatabase({ ...testDatabaseSettings, url }, () => {})
  onTestFinished(() => database.close())
  const keeper = keepTotals(database, { info: () => {}, warn: (_, message) => void warnings.push(message) })
  await keeper.close()
  return warnings
}

test('a database that is unavailable is no reason to say that no totals are kept', async () => {
  expect(await warningsOfOneRound('postgres://nobody@127.0.0.1:1/none')).toEqual([])
})

test('a database whose triggers are gone is one', async () => {
  const { url, database } = await cloneDatabase()
  await sql`alter table interactions disable trigger all`.execute(database.kysely)
  expect(await warningsOfOneRound(url)).toEqual(['totals are not kept: each search counts'])
})
