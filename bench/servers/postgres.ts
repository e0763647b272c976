// The PostgreSQL server of all targets, and what prepares its databases for a measurement.
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'

/** Flushes every commit to disk. 40 % of the memory is the most that PostgreSQL's manual recommends. */
export const postgresSettings = {
  shared_buffers: `${Math.floor((totalmem() * 0.4) / 1_048_576)}MB`,
  random_page_cost: '1.1',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  // each round starts with a vacuum instead, at the same moment for all targets
  autovacuum: 'off',
}

/**
 * Starts PostgreSQL, and stops it after the work. Fill and measure in two calls: filling leaves shared buffers full of
 * pages that are not measured.
 * @param work receives the URL of the server
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

/** Returns the URL of a database of the server. */
export function urlOf(serverUrl: string, name: string): string {
  return Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
}

/** Runs one statement on a connection of its own and returns its rows. */
export async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end()
  }
}

/** Runs SQL on a connection of its own. */
export async function execute(url: string, statements: string): Promise<void> {
  await query(url, statements)
}

/** Vacuums and analyzes all tables of the database. */
export function vacuum(url: string): Promise<void> {
  return execute(url, 'vacuum (freeze, analyze)')
}

/**
 * Puts all databases into the same state: vacuumed, and read into shared buffers. The indexes by date and the tables
 * are read last, because later pages replace earlier ones where memory is short.
 */
export async function prepareDatabases(serverUrl: string, urls: readonly string[]): Promise<void> {
  for (const url of urls) await vacuum(url)
  for (const url of urls) {
    await execute(url, 'create extension if not exists pg_prewarm')
    await execute(
      url,
      `select pg_prewarm(oid) from (
         select oid from pg_class
         where relkind in ('r', 'i') and relnamespace = 'public'::regnamespace
         order by relkind = 'r', relname ~ 'organization'
       ) as relation`,
    )
  }
  await execute(serverUrl, 'checkpoint')
}

/** Waits until no statement runs: PostgreSQL finishes those of a stopped target, some of them for seconds. */
export async function untilQuiet(serverUrl: string): Promise<void> {
  const active = `select from pg_stat_activity
    where backend_type in ('client backend', 'parallel worker', 'autovacuum worker')
      and state <> 'idle' and pid <> pg_backend_pid()`
  while ((await query(serverUrl, active)).length > 0) await sleep(100)
}

/** Returns the process id of the server: the parent of the process of each connection. */
export async function postmasterPid(serverUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const status = readFileSync(`/proc/${rows[0]?.pid}/status`, 'utf8')
    return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1])
  } finally {
    await client.end()
  }
}
