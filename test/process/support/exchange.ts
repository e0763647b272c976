// Runs exports and imports beside a service in a separate process.
import path from 'node:path'
import type pg from 'pg'
import { finishCommand } from '../../support/service.ts'
import { dataDirectory, serve, temporaryFolder } from './caller.ts'
import { connect } from './storage.ts'

/** The options of an export with a range that contains the time of every test. */
export const always = ['--start', '2000-01-01T00:00:00Z', '--end', '2099-01-01T00:00:00Z']

/** Starts a service, connects to its database, and returns functions that run the commands. */
export async function startExchange() {
  const environment = { DATA_DIR: await dataDirectory() }
  await serve(environment)
  const folder = await temporaryFolder()
  const run = (...parameters: string[]) => finishCommand(parameters, environment)
  return {
    environment,
    folder,
    out: path.join(folder, 'all.ndjson'),
    database: await connect(environment.DATA_DIR),
    run,
    exportTo: (out: string, ...more: string[]) => run('export', ...always, '--out', out, ...more),
  }
}

/** Returns the text of each row, in the order of the ids. */
export async function contents(database: pg.Client): Promise<unknown[]> {
  return (await database.query('select interactions::text from interactions order by id')).rows
}
