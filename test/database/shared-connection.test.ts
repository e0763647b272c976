// Short statements share one connection for reads and one for writes, and no statement blocks another.
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, expect, test } from 'vitest'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'

const { database, url } = await cloneDatabase()
const watch = new Client({ connectionString: url })
await watch.connect()
afterAll(() => watch.end())

const sharing = { shares: 'reads' } as const
const echo = database.prepare(
  'echo_with_connection',
  ({ word }: { word: string }) =>
    sql<{
      word: string
      connection: number
    }>`select ${word}::text as word, pg_backend_pid() as connection`.compile(database.kysely),
  sharing,
)
const sleep = database.prepare(
  'sleep',
  ({ seconds }: { seconds: number }) => sql`select pg_sleep(${seconds}::float8)`.compile(database.kysely),
  sharing,
)
const repository = interactionRepository(database, { keepsTotals: false })
const given = { organizationId: 'acme', createdBy: 'agent', type: undefined, data: '{}' }
const readWord = async (word: string) => (await echo({ word }))[0]

test('concurrent reads each get their own result, on one connection', async () => {
  const words = Array.from({ length: 200 }, (_, n) => `word-${n}`)
  const results = await Promise.all(words.map(readWord))
  expect(results.map((result) => result?.word)).toEqual(words)
  expect(new Set(results.map((result) => result?.connection)).size).toBe(1)
})

test('writes share another connection', async () => {
  const connections = (since: string) =>
    watch.query<{ pid: number }>(
      `select distinct pid from pg_stat_activity
       where datname = current_database() and application_name = 'interaction-api'
         and query ~ '^\\s*(insert|with)' and query_start >= $1`,
      [since],
    )
  /** Writes 400 interactions twice. @returns the connections that were used */
  const write = async (round: number) => {
    const { rows } = await watch.query<{ now: string }>('select clock_timestamp()::text as now')
    const ids = Array.from({ length: 400 }, (_, n) => `written-${round}-${n}`)
    await Promise.all(ids.map((one) => repository.create({ ...given, id: one })))
    await Promise.all(ids.map((one) => repository.update({ ...given, id: one, version: 0n })))
    const written = await Promise.all(ids.map((one) => repository.find(one)))
    expect(written.map((row) => [row?.id, row?.version])).toEqual(ids.map((one) => [one, '1']))
    return (await connections(rows[0]?.now ?? '')).rows
  }
  // on a busy machine, a response that takes long sends the next writes to the pool
  let writing = await write(0)
  for (let round = 1; round < 20 && writing.length > 1; round++) writing = await write(round)
  expect(writing).toHaveLength(1)
  expect(writing[0]?.pid).not.toBe((await readWord('reading'))?.connection)
})

test('a write to a locked row does not block later writes, and is applied when the row is unlocked', async () => {
  await Promise.all(['held', 'free'].map((id) => repository.create({ ...given, id })))
  const update = (id: string) => repository.update({ ...given, id, data: '{"by":"us"}', version: undefined })
  const held = await database.kysely.transaction().execute(async (transaction) => {
    await sql`update interactions set version = 7 where id = 'held'`.execute(transaction)
    const outcome = update('held')
    await waiting(1)
    const later = [update('free'), repository.create({ ...given, id: 'behind' })]
    expect(await Promise.all(later)).toEqual(['updated', 'created'])
    await waiting(1)
    return { outcome }
  })
  expect(await held.outcome).toBe('updated')
  expect(await repository.find('held')).toMatchObject({ data: '{"by":"us"}', version: '8' })
})

test('a failing statement does not fail others', async () => {
  const failing = database.prepare(
    'divide',
    ({ by }: { by: number }) => sql`select 1 / ${by}::int`.compile(database.kysely),
    sharing,
  )
  const all = await Promise.allSettled([
    readWord('before'),
    failing({ by: 0 }),
    readWord('after'),
    failing({ by: 1 }),
  ])
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
})

test('while a statement runs long, others use connections of the pool', async () => {
  const before = await readWord('before')
  const long = sleep({ seconds: 30 }).catch(() => 'ended')
  const sleeping = 'select pid from pg_stat_activity where wait_event = $1 and datname = current_database()'
  while ((await watch.query(sleeping, ['PgSleep'])).rowCount === 0);
  await expect
    .poll(async () => (await Promise.race([readWord('meanwhile'), undefinedAfter(50)]))?.connection)
    .toSatisfy((connection) => connection !== undefined && connection !== before?.connection)
  await watch.query('select pg_terminate_backend($1)', [before?.connection])
  expect(await long).toBe('ended')
})

test('statements that meet a lock wait for it on connections of the pool', async () => {
  const count = database.prepare(
    'count_clients',
    ({ role }: { role: string }) =>
      sql<{ count: string }>`select count(*) from oauth_clients where role = ${role}`.compile(
        database.kysely,
      ),
    sharing,
  )
  const roles = ['AGENT', 'SUPERVISOR', 'SERVICE']
  const counted = await database.kysely.transaction().execute(async (transaction) => {
    await sql`lock table oauth_clients in access exclusive mode`.execute(transaction)
    const counting = Promise.all(roles.map((role) => count({ role })))
    await waiting(roles.length)
    return { counting }
  })
  expect((await counted.counting).map(([row]) => row?.count)).toEqual(['0', '0', '0'])
})

test('when the connection is lost, running statements fail and later ones use a new one', async () => {
  const before = await readWord('before')
  const underWay = sleep({ seconds: 30 })
  const lost = expect(underWay).rejects.toThrow()
  await watch.query('select pg_terminate_backend($1)', [before?.connection])
  await lost
  const after = await readWord('after')
  expect(after?.word).toBe('after')
  expect(after?.connection).not.toBe(before?.connection)
})

/** Resolves when exactly `count` statements wait for a lock. */
async function waiting(count: number): Promise<void> {
  const locked = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  const deadline = performance.now() + 60_000
  while ((await watch.query(locked)).rowCount !== count) expect(performance.now()).toBeLessThan(deadline)
}

const undefinedAfter = (milliseconds: number) =>
  new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), milliseconds))
