// Brief statements share a connection, those that read one and those that write another, and nobody is worse off for it.
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, expect, test } from 'vitest'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'

const { database, url } = await cloneDatabase()
const watch = new Client({ connectionString: url })
await watch.connect()
afterAll(() => watch.end())

const brief = { shares: 'reads' } as const
const told = database.prepare(
  'tell_connection',
  ({ word }: { word: string }) =>
    sql<{
      word: string
      connection: number
    }>`select ${word}::text as word, pg_backend_pid() as connection`.compile(database.kysely),
  brief,
)
const sleep = database.prepare(
  'sleep',
  ({ seconds }: { seconds: number }) => sql`select pg_sleep(${seconds}::float8)`.compile(database.kysely),
  brief,
)
const repository = interactionRepository(database, { keepsTotals: false })
const given = { organizationId: 'acme', createdBy: 'agent', type: undefined, data: '{}' }
const tell = async (word: string) => (await told({ word }))[0]

test('those at once are each answered with their own, on one connection', async () => {
  const words = Array.from({ length: 200 }, (_, n) => `word-${n}`)
  const answers = await Promise.all(words.map(tell))
  expect(answers.map((answer) => answer?.word)).toEqual(words)
  expect(new Set(answers.map((answer) => answer?.connection)).size).toBe(1)
})

test('those that write share another one', async () => {
  const ids = Array.from({ length: 400 }, (_, n) => `written-${n}`)
  const connections = `
    select distinct pid from pg_stat_activity
    where datname = current_database() and application_name = 'interaction-api' and query ~ '^\\s*(insert|with)'`
  const before = await watch.query(connections)
  expect(before.rowCount).toBe(0)
  await Promise.all(ids.map((one) => repository.create({ ...given, id: one })))
  await Promise.all(ids.map((one) => repository.update({ ...given, id: one, version: 0n })))
  const rows = await Promise.all(ids.map((one) => repository.find(one)))
  expect(rows.map((row) => [row?.id, row?.version])).toEqual(ids.map((one) => [one, '1']))
  const { rows: writing } = await watch.query<{ pid: number }>(connections)
  expect(writing).toHaveLength(1)
  expect(writing[0]?.pid).not.toBe((await tell('reading'))?.connection)
})

test('a write that meets a locked row lets those behind it pass, and is applied once the row is free', async () => {
  await Promise.all(['held', 'free'].map((id) => repository.create({ ...given, id })))
  const update = (id: string) => repository.update({ ...given, id, data: '{"by":"us"}', version: undefined })
  const held = await database.kysely.transaction().execute(async (transaction) => {
    await sql`update interactions set version = 7 where id = 'held'`.execute(transaction)
    const outcome = update('held')
    await waiting(1)
    const behind = [update('free'), repository.create({ ...given, id: 'behind' })]
    expect(await Promise.all(behind)).toEqual(['updated', 'created'])
    await waiting(1)
    return { outcome }
  })
  expect(await held.outcome).toBe('updated')
  expect(await repository.find('held')).toMatchObject({ data: '{"by":"us"}', version: '8' })
})

test('one that fails fails no other', async () => {
  const failing = database.prepare(
    'divide',
    ({ by }: { by: number }) => sql`select 1 / ${by}::int`.compile(database.kysely),
    brief,
  )
  const all = await Promise.allSettled([
    tell('before'),
    failing({ by: 0 }),
    tell('after'),
    failing({ by: 1 }),
  ])
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
})

test('while one turns out to be long, the others take connections of their own', async () => {
  const before = await tell('before')
  const long = sleep({ seconds: 30 }).catch(() => 'ended')
  const sleeping = 'select pid from pg_stat_activity where wait_event = $1'
  while ((await watch.query(sleeping, ['PgSleep'])).rowCount === 0);
  await expect
    .poll(async () => (await Promise.race([tell('meanwhile'), never(50)]))?.connection)
    .toSatisfy((connection) => connection !== undefined && connection !== before?.connection)
  await watch.query('select pg_terminate_backend($1)', [before?.connection])
  expect(await long).toBe('ended')
})

test('those that meet a lock wait for it on connections of their own', async () => {
  const count = database.prepare(
    'count_clients',
    ({ role }: { role: string }) =>
      sql<{ count: string }>`select count(*) from oauth_clients where role = ${role}`.compile(
        database.kysely,
      ),
    brief,
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

test('when the connection is lost, those under way fail and the next ones have another', async () => {
  const before = await tell('before')
  const underWay = sleep({ seconds: 30 })
  const lost = expect(underWay).rejects.toThrow()
  await watch.query('select pg_terminate_backend($1)', [before?.connection])
  await lost
  const after = await tell('after')
  expect(after?.word).toBe('after')
  expect(after?.connection).not.toBe(before?.connection)
})

/** Returns when so many statements wait for a lock at once. */
async function waiting(count: number): Promise<void> {
  const locked = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  const deadline = performance.now() + 4000
  while ((await watch.query(locked)).rowCount !== count) expect(performance.now()).toBeLessThan(deadline)
}

const never = (milliseconds: number) =>
  new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), milliseconds))
