// A new database without tables, for tests of the migrations.
import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { openDatabase } from '../../../src/database/database.ts'
import type { Tables } from '../../../src/database/tables.ts'
import { testDatabaseSettings, withDatabase } from '../../support/postgres-setup.ts'

/**
 * Creates an empty database, dropped when the test ends.
 * @returns one connection pool for each of `servers`
 */
export async function emptyDatabase(servers = 1): Promise<[Kysely<Tables>, ...Kysely<Tables>[]]> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client({ connectionString: inject('postgresUrl') })
  await admin.connect()
  await admin.query(`create database ${name}`)
  const url = withDatabase(inject('postgresUrl'), name)
  const open = () => openDatabase({ ...testDatabaseSettings, url }, () => {})
  const [first, ...others] = [open(), ...Array.from({ length: servers - 1 }, open)] as const
  onTestFinished(async () => {
    await Promise.all([first, ...others].map((database) => database.close()))
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  })
  return [first.kysely, ...others.map(({ kysely }) => kysely)]
}
