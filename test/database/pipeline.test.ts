// Brief statements share a connection, and nobody is worse off for it.
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, expect, test } from 'vitest'
import { cloneDatabase } from '../support/database.ts'

const { database, url } = await cloneDatabase()
const watch = new Client({ connectionString: url })
await watch.connect()
afterAll(() => watch.end())

const brief = { isBrief: true }
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
const tell = async (word: string) => (await told({ word }))[0]

test('those at once are each answered with their own, on one connection', async () => {
  const words = Array.from({ length: 200 }, (_, n) => `word-${n}`)
  const answers = await Promise.all(words.map(tell))
  expect(answers.map((answer) => answer?.word)).toEqual(words)
  expect(new Set(answers.map((answer) => answer?.connection)).size).toBe(1)
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
    const waiting = `
      select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    const deadline = performance.now() + 4000
    while ((await watch.query(waiting)).rowCount !== roles.length)
      expect(performance.now()).toBeLessThan(deadline)
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

const never = (milliseconds: number) =>
  new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), milliseconds))
