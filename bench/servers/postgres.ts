// The PostgreSQL of every target.
import { totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'

/** Every commit is flushed to disk. Of the memory, 40 % is PostgreSQL's: the most that its manual finds of use. */
export const postgresSettings = {
  shared_buffers: `${Math.floor((totalmem() * 0.4) / 1_048_576)}MB`,
  random_page_cost: '1.1',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
}

/**
 * Starts it, and stops it when the work is done. What fills databases and what measures them are works of their own:
 * after filling, PostgreSQL's memory holds much that is not measured.
 * @param work is given the URL of its server
 */
export async function withPostgres<Result>(
  dataDirectory: string,
  work: (serverUrl: string) => Promise<Result>,
): Promise<Result> {
  const postgres = await startEmbeddedPostgres({
    dataDirectory,
    log: (line) => void process.stderr.write(`${line}\n`),
    settings: postgresSettings,
  })
  try {
    return await work(postgres.url)
  } finally {
    await postgres.stop()
  }
}

/** Waits until no statement is under way: PostgreSQL goes on with those of a target that has ended, some for seconds. */
export async function untilQuiet(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  for (;;) {
    const { rows } = await client.query(
      `select from pg_stat_activity
       where backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()`,
    )
    if (rows.length === 0) break
    await sleep(100)
  }
  await client.end()
}
