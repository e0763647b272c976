// A PostgreSQL in a data directory, for an installation without a database server.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pRetry from 'p-retry'
import { messageOf } from '../types/error-message.ts'
import { hasCode } from './binaries.ts'
import { type Cluster, clusterFolder, prepareCluster, readPassword, superuser } from './cluster.ts'
import { DataDirectoryInUse, findPort, ownerSetting, waitUntilFree } from './postmaster.ts'
import { launch, type Program } from './process.ts'

export { DataDirectoryInUse }

/** A PostgreSQL that this process owns. */
export interface EmbeddedPostgres {
  /** URL of the application's database on 127.0.0.1, password included; valid until `stop`, also after a crash. */
  readonly url: string
  /** Ends statements and connections, and resolves when PostgreSQL has exited. Idempotent. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** Holds all files of the database; created with mode 0700 when missing. */
  readonly dataDirectory: string
  /** Receives PostgreSQL's fatal errors, crashes and restarts as messages for operators. */
  readonly log: (message: string) => void
  /**
   * PostgreSQL's settings by name. They override the defaults of this module, except where it listens and what it logs.
   * With `fsync=off`, creating the cluster does not wait for the disk either.
   */
  readonly settings?: Readonly<Record<string, string>>
}

interface Start {
  readonly cluster: Cluster
  readonly settings: Readonly<Record<string, string>>
  readonly log: (message: string) => void
  readonly stopping: AbortSignal
}

const defaults = {
  // The default assumes disks that seek, and keeps the planner from using indexes.
  random_page_cost: '1.1',
  shared_buffers: '256MB',
  max_connections: '100',
  // There are no replicas.
  wal_level: 'minimal',
  max_wal_senders: '0',
  TimeZone: 'UTC',
}

const fixed = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  log_timezone: 'UTC',
  log_destination: 'stderr',
  logging_collector: 'off',
  // Server events only: errors of statements, and details of errors, may contain customers' data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_line_prefix: '',
}

/**
 * Starts PostgreSQL on a data directory, and restarts it after a crash, at the same URL, within about a second.
 * PostgreSQL ends within five seconds of this process, however this process ends.
 * @throws DataDirectoryInUse when another server runs there
 * @throws Error with PostgreSQL's own message when it does not start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDirectory, log, settings = {} } = options
  const cluster = await prepareCluster(dataDirectory, settings.fsync !== 'off')
  const stopping = new AbortController()
  const start = { cluster, settings, log, stopping: stopping.signal }
  // Another program may take the port first, and a server that is starting or ending may hold the cluster.
  const transient = /Address already in use|lock file .* (already exists|is empty)|shared memory block/
  const { port, postgres } = await pRetry(
    async () => {
      const port = await findFreePort()
      return { port, postgres: await startServer(start, port) }
    },
    {
      retries: 9,
      minTimeout: 50,
      maxTimeout: 500,
      shouldRetry: ({ error }) => transient.test(error.message),
    },
  )
  const supervision = supervise(start, port, postgres)
  return {
    url: urlOf(port, cluster.password),
    stop() {
      stopping.abort()
      return supervision
    },
  }
}

/** Returns the database URL of the server that runs on a data directory, for commands beside it; undefined when none runs. */
export async function findEmbeddedPostgres(dataDirectory: string): Promise<string | undefined> {
  try {
    const password = await readPassword(dataDirectory)
    const port = await findPort(clusterFolder(dataDirectory))
    return port === undefined ? undefined : urlOf(port, password)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function urlOf(port: number, password: string): string {
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/${superuser}`
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('The system gave no TCP port')
  return address.port
}

async function startServer({ cluster, settings, log, stopping }: Start, port: number): Promise<Program> {
  await waitUntilFree(cluster.folder, log, stopping)
  const all = { ...defaults, ...settings, ...fixed, port, [ownerSetting]: process.pid }
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const postgres = launch(join(cluster.programs, 'postgres'), {
    folder: cluster.folder,
    account: cluster.account,
    args: (folder) => ['-D', folder, ...options],
    signal: stopping,
  })
  // No time limit: recovery takes as long as the log since the last checkpoint is.
  const isReady = await new Promise<boolean>((resolve) => {
    let isRestart = false
    postgres.lines.on('line', (line) => {
      if (line.includes('terminating any other active server processes')) logCrash(postgres, log)
      if (!/ready to accept (read-only )?connections/.test(line)) return
      if (isRestart) log('PostgreSQL is back')
      isRestart = true
      resolve(true)
    })
    void postgres.ended.then(() => resolve(false))
  })
  if (!isReady) throw new Error(`PostgreSQL did not start: ${postgres.lastLines()}`)
  return postgres
}

// Resolves when PostgreSQL has ended for good: it was stopped, or another server uses the data directory.
async function supervise(start: Start, port: number, first: Program): Promise<void> {
  const { log, stopping } = start
  let postgres = first
  for (;;) {
    await postgres.ended
    if (stopping.aborted) return
    logCrash(postgres, log)
    try {
      const restart = async () => {
        postgres = await startServer(start, port)
      }
      await pRetry(restart, {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 50,
        maxTimeout: 4_000,
        signal: stopping,
        shouldRetry: ({ error }) => !(error instanceof DataDirectoryInUse),
        onFailedAttempt: ({ error }) => log(`PostgreSQL is not back yet: ${error.message}`),
      })
      log('PostgreSQL is back')
    } catch (error) {
      if (!stopping.aborted) log(`PostgreSQL stays down, restart this server: ${messageOf(error)}`)
      await postgres.ended
      return
    }
  }
}

function logCrash(postgres: Program, log: (message: string) => void): void {
  log(`PostgreSQL crashed: ${postgres.lastLines()}`)
}
