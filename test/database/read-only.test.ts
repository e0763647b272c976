// A read-only database, such as a hot standby: background work does not fail, searches use the existing totals, and
// writes fail as unavailable.
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/schema/migrations.ts'
import { databaseFailure } from '../../src/database/sqlstate.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'
import { totalsKeeper } from '../support/keep-totals.ts'
import { always, storeInteractions } from '../support/make.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { criteriaOf } from '../support/search.ts'

test('a read-only database is searched with its totals, and a write fails as unavailable', async () => {
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
  expect(databaseFailure(failure)).toBe('unavailable')
})
