// A read-only database, such as a hot standby: background work does not fail, searches use the existing totals, and
// writes are refused.
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/schema/migrations.ts'
import { ReadOnlyError } from '../../src/database/sqlstate.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'
import { totalsKeeper } from '../support/keep-totals.ts'
import { always, storeInteractions } from '../support/make.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { criteriaOf } from '../support/search.ts'

test('a read-only database is searched with its totals, and a write is refused', async () => {
  const { url, database } = await cloneDatabase()
  const row = { organizationId: 'acme', createdBy: 'agent', type: null, data: '{}', version: 0 }
  await storeInteractions(database.kysely, [
    { ...row, id: 'old', createdAt: Date.parse('2025-01-01T00:00:00Z') },
    { ...row, id: 'older', createdAt: Date.parse('2024-01-01T00:00:00Z') },
  ])
  await totalsKeeper(database)()
  await sql`alter database ${sql.ref(new URL(url).pathname.slice(1))} set default_transaction_read_only = on`.execute(
    database.kysely,
  )
  const standby = openDatabase({ ...testDatabaseSettings, url }, () => {})
  onTestFinished(() => standby.close())

  expect(await migrate(standby.kysely)).toEqual([])
  await totalsKeeper(standby)()
  const { search, create } = interactionRepository(standby, { keepsTotals: true })
  expect(await search(criteriaOf(always), { page: 0, size: 1, sort: [] }).run()).toMatchObject({ total: 2 })
  const failure = await create({ ...row, id: 'new', type: undefined }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ReadOnlyError)
})

test('a primary that becomes read-only gets writes again until it takes them, without an error', async () => {
  const { url, database: administrator } = await cloneDatabase()
  const { kysely } = administrator
  const name = sql.ref(new URL(url).pathname.slice(1))
  const service = openDatabase(
    { ...testDatabaseSettings, retryTimeoutMs: 60_000, url: `${url}?application_name=service` },
    () => {},
  )
  onTestFinished(() => service.close())
  const { create, createOnce, update, find } = interactionRepository(service, { keepsTotals: true })
  const row = { organizationId: 'acme', createdBy: 'agent', type: 'chat', data: '{}' }
  await create({ ...row, id: 'old' })

  await sql`alter database ${name} set default_transaction_read_only = on`.execute(kysely)
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'service'`.execute(kysely)
  await expect.poll(() => service.ping().catch(() => undefined)).toEqual({ isReadOnly: true })
  const sessionsOpened = async () => {
    const { rows } = await sql<{ sessions: string }>`
      select sessions from pg_stat_database where datname = current_database()`.execute(kysely)
    return Number(rows[0]?.sessions)
  }
  const before = await sessionsOpened()
  const writes = Promise.all([
    create({ ...row, id: 'new' }),
    createOnce({ ...row, id: 'once', key: Buffer.alloc(32, 1), fingerprint: Buffer.alloc(32) }),
    update({ ...row, id: 'old', type: 'audio', version: undefined }),
  ])
  // each refusal costs a connection
  await expect.poll(sessionsOpened).toBeGreaterThan(before + 8)
  await sql`alter database ${name} reset default_transaction_read_only`.execute(kysely)

  expect(await writes).toEqual(['created', 'once', 'updated'])
  expect(await find('old')).toMatchObject({ type: 'audio', version: '1' })
})

test('a read-only database that lacks migrations, or has others, is refused with a sentence', async () => {
  const { url, database } = await cloneDatabase()
  const { kysely } = database
  const name = sql.ref(new URL(url).pathname.slice(1))
  const migrateReadOnly = async () => {
    await sql`alter database ${name} set default_transaction_read_only = on`.execute(kysely)
    const readOnly = openDatabase({ ...testDatabaseSettings, url }, () => {})
    onTestFinished(() => readOnly.close())
    return migrate(readOnly.kysely)
  }
  await sql`insert into schema_migrations (name, timestamp) values ('9999_of_the_future', now())`.execute(
    kysely,
  )
  await expect(migrateReadOnly()).rejects.toThrow('does not know: 9999_of_the_future')
  await sql`delete from schema_migrations where name = '0005_second_secret'`.execute(kysely)
  await expect(migrateReadOnly()).rejects.toThrow(
    'the database takes no writes and lacks migrations: 0005_second_secret. Start this version on the primary first',
  )
})
