// Gives each test file its own database, cloned from the suite's migrated template.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, inject } from 'vitest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { testDatabaseSettings, withDatabase } from './postgres-setup.ts'

export interface ClonedDatabase {
  readonly url: string
  readonly database: Database
}

/** Creates a database, and drops it after the tests of the file, even if connections are still open. */
export async function cloneDatabase(): Promise<ClonedDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client({ connectionString: inject('postgresUrl') })
  await admin.connect()
  await admin.query(`create database ${name} template ${inject('templateDatabase')}`)
  const url = withDatabase(inject('postgresUrl'), name)
  const database = openDatabase({ ...testDatabaseSettings, url }, () => {})
  afterAll(async () => {
    await database.close()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  })
  return { url, database }
}
