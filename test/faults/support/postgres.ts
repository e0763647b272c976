// A PostgreSQL with the service's schema for fault tests. The tests read what is stored without the proxy.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Pool, type QueryResultRow } from 'pg'
import { pino } from 'pino'
import { readConfig } from '../../../src/config/config.ts'
import { migrateDatabase } from '../../../src/database/schema/prepare.ts'
import { startEmbeddedPostgres } from '../../../src/embedded/postgres.ts'

export interface StoredState {
  readonly type: string | null
  readonly data: string
  readonly version: number
}

export interface FaultsPostgres {
  /** changes with each start */
  readonly url: string
  readonly dataDirectory: string
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** Returns the stored interaction; undefined if there is none. */
  stored(id: string): Promise<StoredState | undefined>
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops PostgreSQL if it runs, and deletes its files. */
  remove(): Promise<void>
}

/** Starts PostgreSQL. @param parent folder in which its data directory is created */
export async function startPostgres(parent = tmpdir()): Promise<FaultsPostgres> {
  const dataDirectory = await mkdtemp(path.join(parent, 'interaction-api-faults-'))
  const open = async () => {
    const embedded = await startEmbeddedPostgres({ dataDirectory, log: () => {} })
    const pool = new Pool({ connectionString: embedded.url, max: 10 })
    pool.on('error', () => {})
    return { embedded, pool }
  }
  let { embedded, pool } = await open()
  await migrateDatabase(readConfig({}), embedded.url, pino({ level: 'silent' }))
  const stop = async () => {
    if (!pool.ending) await pool.end()
    await embedded.stop()
  }
  const query = async <Row extends QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (await pool.query<Row>(sql, [...values])).rows
  return {
    get url() {
      return embedded.url
    },
    dataDirectory,
    query,
    async stored(id) {
      const select = 'select type, data::text, version::integer from interactions where id = $1'
      return (await query<StoredState>(select, [id]))[0]
    },
    stop,
    async start() {
      ;({ embedded, pool } = await open())
    },
    async remove() {
      await stop()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}
