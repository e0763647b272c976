// Sessions of a pooler: none has settings of the service, and each transaction may run in another one.
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'
import { expectNotHeldUp } from '../support/locked-row.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

const { url, database: other } = await cloneDatabase()
const watch = new Client({ connectionString: url })
await watch.connect()
afterAll(() => watch.end())

const open = () => {
  const database = openDatabase({ ...testDatabaseSettings, url, usesPooler: true }, () => {})
  onTestFinished(() => database.close())
  return database
}

beforeAll(async () => {
  const { rows } = await watch.query<{ name: string }>('select current_database() as name')
  for (const setting of [
    `timezone = 'Europe/Athens'`,
    `datestyle = 'German'`,
    'jit = on',
    'lock_timeout = 60000',
  ])
    await watch.query(`alter database ${rows[0]?.name} set ${setting}`)
})

/** A moment as the session writes it, and settings: those that apply now, and those that the session started with. */
const inSession = sql<{ moment: string; settings: object; atStart: object }>`
  select timestamptz '2025-01-20 22:00:00.5Z' as moment,
    json_object_agg(name, current_setting(name)) as settings,
    json_object_agg(name, reset_val) as "atStart"
  from pg_settings
  where name in ('jit', 'lock_timeout', 'plan_cache_mode', 'random_page_cost', 'statement_timeout')`

function prepared(database: Database, options?: { readonly shares: 'reads' }) {
  const name = options === undefined ? 'in_session' : 'in_session_of_reads'
  return database.prepare(name, () => inSession.compile(database.kysely), options)
}

const own = { jit: 'off', plan_cache_mode: 'auto', random_page_cost: '1.1', statement_timeout: '20s' }
const ofPool = { ...own, lock_timeout: '5s' }
const ofShared = { ...own, lock_timeout: '100ms', plan_cache_mode: 'force_generic_plan' }

test('every statement has the settings of the service, although its session starts without them', async () => {
  const database = open()
  const read = [prepared(database, { shares: 'reads' }), prepared(database)]
  const results = [await read[0]?.({}), await read[1]?.({}), (await inSession.execute(database.kysely)).rows]
  const inTransaction = await database.kysely.transaction().execute(async (transaction) => {
    await sql`select`.execute(transaction)
    return (await inSession.execute(transaction)).rows
  })
  const rows = [...results, inTransaction].map((result) => result?.[0])
  const settings = rows.map((row) => JSON.parse(String(row?.settings)))

  expect(rows.map((row) => row?.moment)).toEqual(Array.from({ length: 4 }, () => '2025-01-20 22:00:00.5+00'))
  expect(settings).toEqual([ofShared, ofPool, ofPool, ofPool])
  for (const row of rows)
    expect(JSON.parse(String(row?.atStart))).toMatchObject({ jit: 'on', lock_timeout: '60000' })
})

test('a write to a locked row does not hold up others, and is applied when the row is unlocked', async () => {
  const database = open()
  const repository = interactionRepository(database, { keepsTotals: false })
  await expectNotHeldUp(repository, other, () => expect.poll(waiting).toBe(1))
})

test('a failed or discarded statement leaves the settings to later ones on its connection', async () => {
  const database = open()
  const divide = database.prepare(
    'divide',
    ({ by }: { by: number }) => sql`select 1 / ${by}::int`.compile(database.kysely),
    { shares: 'reads' },
  )
  await expect(divide({ by: 0 })).rejects.toThrow('division by zero')
  await expect(
    database.kysely.transaction().execute((transaction) => sql`select 1 / 0`.execute(transaction)),
  ).rejects.toThrow('division by zero')
  database.discard('divide')
  const [row] = await prepared(database, { shares: 'reads' })({})
  expect(JSON.parse(String(row?.settings))).toEqual(ofShared)
  const { rows } = await inSession.execute(database.kysely)
  expect(JSON.parse(String(rows[0]?.settings))).toEqual(ofPool)
})

/** Returns how many statements wait for a lock. */
async function waiting(): Promise<number | null> {
  const locked = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  return (await watch.query(locked)).rowCount
}
