// Compiles the sources, and prepares a data directory that the tests of processes copy: a first start takes much longer
// than later ones.
import path from 'node:path'
import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { readConfig } from '../../src/config/config.ts'
import { migrateDatabase } from '../../src/database/schema/prepare.ts'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { makeTemporaryDirectory } from '../../src/ephemeral/temporary-directory.ts'
import compile from './build-setup.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** a data directory with a cluster that is stopped and has the current schema */
    preparedDirectory: string
  }
}

/** Prepares once for all suites of a run. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const run = project.vitest.getRootProject()
  if (run.getProvidedContext().preparedDirectory !== undefined) return undefined
  compile()
  const folder = await makeTemporaryDirectory()
  const dataDirectory = path.join(folder.path, 'data')
  const postgres = await startEmbeddedPostgres({
    dataDirectory,
    log: (message) => void process.stderr.write(`${message}\n`),
    settings: { fsync: 'off' },
  })
  await migrateDatabase(readConfig({}), postgres.url, pino({ level: 'silent' }))
  await postgres.stop()
  run.provide('preparedDirectory', dataDirectory)
  return () => folder.remove()
}
