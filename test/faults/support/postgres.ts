// A PostgreSQL for the faults, with the service's schema; the harness looks at what is stored past every proxy.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Pool } from 'pg'
import { pino } from 'pino'
import { readConfig } from '../../../src/config.ts'
import { startEmbeddedPostgres } from '../../../src/database/embedded.ts'
import { migrateDatabase } from '../../../src/server.ts'

export interface StoredState {
  readonly type: string | null
  readonly data: string
  readonly version: number
}

export interface FaultsPostgres {
  readonly url: string
  readonly pool: Pool
  /** what is stored of that id, if anything is */
  stored(id: string): Promise<StoredState | undefined>
  stop(): Promise<void>
}

export async function startPostgres(): Promise<FaultsPostgres> {
  const dataDirectory = await mkdtemp(path.join(tmpdir(), 'interaction-api-faults-'))
  const embedded = await startEmbeddedPostgres({ dataDirectory, log: () => {} })
  await migrateDatabase(readConfig({}), embedded.url, pino({ level: 'silent' }))
  const pool = new Pool({ connectionString: embedded.url, max: 10 })
  pool.on('error', () => {})
  return {
    url: embedded.url,
    pool,
    async stored(id) {
      const { rows } = await pool.query<StoredState>(
        'select type, data::text, version::integer from interactions where id = $1',
        [id],
      )
      return rows[0]
    },
    async stop() {
      await pool.end()
      await embedded.stop()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}
