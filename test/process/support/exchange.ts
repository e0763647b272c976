// Exporting from and importing into a service that runs as a process of its own.
import path from 'node:path'
import type pg from 'pg'
import { finishCommand } from '../../support/service.ts'
import { serve, temporaryFolder } from './caller.ts'
import { connect } from './storage.ts'

/** The options of an export that name a range which holds every moment of these tests. */
export const always = ['--start', '2000-01-01T00:00:00Z', '--end', '2099-01-01T00:00:00Z']

/** A service, its database, a folder for files, and the commands beside it. */
export async function startExchange() {
  const environment = { DATA_DIR: await temporaryFolder() }
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

/** Every column of every row, as text. */
export async function contents(database: pg.Client): Promise<unknown[]> {
  return (await database.query('select interactions::text from interactions order by id')).rows
}
