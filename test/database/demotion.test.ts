// A primary becomes a follower in the middle of a batch: its writes are retried until there is a primary again.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

test('each write of a batch that meets a follower is applied once when there is a primary again', async () => {
  const { url } = await cloneDatabase()
  const settings = { ...testDatabaseSettings, lockTimeoutMs: 20_000, retryTimeoutMs: 20_000, url }
  const database = openDatabase(settings, () => {})
  onTestFinished(() => database.close())
  const { create, update, find } = interactionRepository(database, { keepsTotals: true })
  const make = () => ({
    id: randomUUID(),
    organizationId: 'acme',
    createdBy: 'one',
    type: undefined,
    data: `{"of":"${randomUUID()}"}`,
  })
  const [created, updated] = [Array.from({ length: 8 }, make), Array.from({ length: 8 }, make)]
  for (const row of updated) expect(await create(row)).toBe('created')

  // its session stays as it is
  const [lock, admin] = [new Client(url), new Client(url)]
  for (const client of [lock, admin]) {
    await client.connect()
    onTestFinished(() => client.end())
  }
  await lock.query('begin; lock table interactions in exclusive mode')
  const writes = [
    ...created.map((row) => create(row)),
    ...updated.map(({ id }) =>
      update({ id, organizationId: 'acme', type: 'x', data: undefined, version: 0n }),
    ),
  ]
  const waiting = `select from pg_locks where not granted and relation = 'interactions'::regclass`
  await expect.poll(async () => (await admin.query(waiting)).rowCount).toBeGreaterThan(1)
  const name = new URL(url).pathname.slice(1)
  await admin.query(`alter database ${name} set default_transaction_read_only = on`)
  // what a demotion does: all sessions end, and those that follow are read-only
  const endSessions = `
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'interaction-api'`
  await admin.query(endSessions)
  await lock.query('rollback')
  const rejected = async () => {
    const { rows } = await admin.query(
      'select xact_rollback::int as count from pg_stat_database where datname = current_database()',
    )
    return rows[0].count
  }
  const before = await rejected()
  await expect.poll(rejected).toBeGreaterThan(before + 10)
  await admin.query(`alter database ${name} reset default_transaction_read_only`)

  expect(await Promise.all(writes)).toEqual([
    ...created.map(() => 'created'),
    ...updated.map(() => 'updated'),
  ])
  for (const { id, data } of created) expect(await find(id)).toMatchObject({ version: '0', data })
  for (const { id, data } of updated) expect(await find(id)).toMatchObject({ version: '1', data })
})
