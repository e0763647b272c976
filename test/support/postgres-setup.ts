// Starts one PostgreSQL for all suites, with a migrated template database that each test file clones.
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/schema/migrations.ts'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { makeTemporaryDirectory } from '../../src/ephemeral/temporary-directory.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** connects to the server as administrator, to a database that no test uses */
    postgresUrl: string
    templateDatabase: string
  }
}

/**
 * Provides a PostgreSQL to all suites of a run; the first suite starts it. Uses the server at TEST_DATABASE_URL if that
 * is set, otherwise an embedded one, which is removed after the run.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const run = project.vitest.getRootProject()
  if (run.getProvidedContext().postgresUrl !== undefined) return undefined
  const given = process.env.TEST_DATABASE_URL
  const server = given === undefined ? await startServer() : { url: given, stop: async () => {} }
  const templateDatabase = `template_${process.pid}`
  const admin = new pg.Client({ connectionString: server.url })
  await admin.connect()
  await admin.query(`create database ${templateDatabase}`)
  const database = openDatabase(
    { ...testDatabaseSettings, url: withDatabase(server.url, templateDatabase) },
    () => {},
  )
  await migrate(database.kysely)
  await database.close()
  run.provide('postgresUrl', server.url)
  run.provide('templateDatabase', templateDatabase)
  return async () => {
    await admin.query(`drop database ${templateDatabase}`)
    await admin.end()
    await server.stop()
  }
}

export const testDatabaseSettings = {
  poolSize: 10,
  connectTimeoutMs: 5000,
  retryTimeoutMs: 5000,
  statementTimeoutMs: 20_000,
  lockTimeoutMs: 5000,
  /** in the suite `distributed` */
  isDistributed: process.env.TEST_DISTRIBUTED === 'true',
}

/** Returns the URL of another database on the same server. */
export function withDatabase(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href
}

async function startServer() {
  const folder = await makeTemporaryDirectory()
  // The rows of a test need not survive a power failure.
  // Several test files run concurrently, and some start many applications.
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '500' }
  const server = await startEmbeddedPostgres({
    dataDirectory: folder.path,
    log: (message) => process.stderr.write(`${message}\n`),
    settings,
  })
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      await folder.remove()
    },
  }
}
