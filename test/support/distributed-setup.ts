// Runs the tests of a suite on distributed interactions: as Citus has them, imitated on the PostgreSQL that all suites share.
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/schema/migrations.ts'
import { distributeInteractions } from '../../src/interactions/distributed/distribute.ts'
import { citusImitation } from './citus-imitation.ts'
import { limitAsCitus } from './citus-limits.ts'
import setUpPostgres, { testDatabaseSettings, withDatabase } from './postgres-setup.ts'
import setUpService from './service-setup.ts'

/** @returns a function that fails when a statement was sent that Citus refuses */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stopPostgres = await setUpPostgres(project)
  const { postgresUrl } = project.vitest.getRootProject().getProvidedContext()
  const templateDatabase = `template_distributed_${process.pid}`
  const admin = new pg.Client({ connectionString: postgresUrl })
  // the suite that started PostgreSQL may end, and stop it, before this one
  admin.on('error', () => {})
  await admin.connect()
  await admin.query(`create database ${templateDatabase}`)
  const url = withDatabase(postgresUrl, templateDatabase)
  const database = openDatabase({ ...testDatabaseSettings, url }, () => {})
  await migrate(database.kysely)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(citusImitation)
  await client.end()
  await distributeInteractions(database, 8)
  await database.close()
  const limits = await limitAsCitus(postgresUrl)
  project.provide('postgresUrl', limits.url)
  project.provide('templateDatabase', templateDatabase)
  const stopService = await setUpService(project)
  return async () => {
    await stopService()
    await limits.close()
    await admin.query(`drop database ${templateDatabase}`).catch(() => {})
    await admin.end().catch(() => {})
    await stopPostgres?.()
    if (limits.refused.length > 0)
      throw new Error(`statements that Citus refuses:\n\n${limits.refused.join('\n\n')}`)
  }
}
