// Starts the server of a cluster and takes its ownership.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Cluster } from './cluster.ts'
import { DataDirectoryInUse, endOrphan, readPostmaster, starterSetting, takeOwnership } from './ownership.ts'
import { launch, type Running } from './process.ts'

/** The one server of a data directory, and the connection whose lock says whose it is. */
export interface Held {
  readonly postgres: Running
  readonly ownership: Client
}

/** What a start needs to know. */
export interface Start {
  readonly cluster: Cluster
  readonly settings: Readonly<Record<string, string>>
  readonly log: (message: string) => void
  readonly stopping: AbortSignal
}

const tuning = {
  // Disks that seek are the exception, and the default makes the planner shy away from indexes.
  random_page_cost: '1.1',
  shared_buffers: '256MB',
  max_connections: '100',
  // There is no replica to feed.
  wal_level: 'minimal',
  max_wal_senders: '0',
  TimeZone: 'UTC',
  log_timezone: 'UTC',
  // The server's own troubles only: errors of statements, and their details, may tell customers' data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_line_prefix: '',
}

/**
 * Starts the server on a port which nobody uses.
 * @throws DataDirectoryInUse when another server runs on the cluster
 */
export async function startOnFreePort(start: Start): Promise<{ held: Held; port: number }> {
  // What may pass: the port was taken in between, or another start or an ending server is in the way.
  const passing =
    /Address already in use|already exists|shared memory block|the database system is|terminat|ECONN|ESRCH/
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return { held: await startServer(start, port), port }
    } catch (error) {
      const mayPass = error instanceof Error && passing.test(error.message)
      if (!mayPass || error instanceof DataDirectoryInUse || attempt === 10) throw error
    }
    await sleep(50 * attempt)
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('The system gave no TCP port')
  return address.port
}

/**
 * Starts the server on that port; leaves none running when it fails.
 * @throws DataDirectoryInUse when another server runs on the cluster
 */
export async function startServer(start: Start, port: number): Promise<Held> {
  const { cluster, stopping } = start
  await endOrphan(cluster, start.log)
  const fixed = {
    listen_addresses: '127.0.0.1',
    port: `${port}`,
    unix_socket_directories: '',
    [starterSetting]: `${process.pid}`,
  }
  const settings = Object.entries({ ...tuning, ...start.settings, ...fixed })
  const args = (folder: string) => [
    '-D',
    folder,
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const postgres = launch(join(cluster.programs, 'postgres'), cluster.folder, cluster.account, args, stopping)
  try {
    await untilReady(postgres, cluster.folder)
    return { postgres, ownership: await takeOwnership(cluster, port) }
  } catch (error) {
    postgres.process.kill('SIGINT')
    await postgres.ended
    throw error
  }
}

// However long it takes: recovery after a crash depends on what was written before it.
async function untilReady(postgres: Running, folder: string): Promise<void> {
  while (!postgres.hasEnded()) {
    const postmaster = await readPostmaster(folder)
    if (postmaster?.pid === postgres.process.pid && postmaster?.isReady) return
    await sleep(10)
  }
  throw new Error(`PostgreSQL did not start: ${postgres.lastLines()}`)
}
