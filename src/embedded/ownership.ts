// Who owns the PostgreSQL of a data directory: the process whose connection holds an advisory lock in it.
import { readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { hasCode } from './binaries.ts'
import { type Cluster, owner } from './cluster.ts'

/** Another process runs the PostgreSQL of that data directory. */
export class DataDirectoryInUse extends Error {
  constructor(clusterFolder: string) {
    super(`The data directory ${dirname(clusterFolder)} is in use by another server`)
    this.name = 'DataDirectoryInUse'
  }
}

/** What PostgreSQL says about its server process in the cluster's postmaster.pid. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  readonly isReady: boolean
  /** The lines that never change: process, folder, start time and port. */
  readonly identity: string
}

// Locks are per database: in this one, no lock of the application's meets it.
const lockDatabase = 'postgres'
const lockKey = [0x1a7e_4ac7, 1]

/** The setting of a server which tells the number of the process that started it. */
export const starterSetting = 'interaction_api.starter'

/** The last server process noted in a cluster, which may be long gone. */
export async function readPostmaster(clusterFolder: string): Promise<Postmaster | undefined> {
  try {
    return parsePostmaster(await readFile(pidFile(clusterFolder), 'utf8'))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The port of the cluster's server, or undefined when none with an owner answers. */
export async function findOwnedPort(clusterFolder: string, password: string): Promise<number | undefined> {
  const postmaster = await readPostmaster(clusterFolder)
  if (postmaster === undefined || (await isAnotherProgram(postmaster.pid, clusterFolder))) return undefined
  const client = await connect(postmaster.port, password).catch(() => undefined)
  if (client === undefined) return undefined
  try {
    const isOurs = (await isServedBy(client, postmaster)) && (await isOwned(client))
    return isOurs ? postmaster.port : undefined
  } finally {
    await client.end()
  }
}

/**
 * Takes the ownership of a running server, and makes the application's database when it is missing.
 * @returns the connection which owns until it ends
 * @throws DataDirectoryInUse when another connection owns
 */
export async function takeOwnership(cluster: Cluster, port: number): Promise<Client> {
  const client = await connect(port, cluster.password)
  if (!(await tryLock(client))) {
    await client.end()
    throw new DataDirectoryInUse(cluster.folder)
  }
  const known = await client.query('select from pg_database where datname = $1', [owner])
  if (known.rowCount === 0) await client.query(`create database ${owner}`)
  return client
}

/**
 * Shuts down a server whose owner was killed, and returns when none runs that is known to be the cluster's.
 * @throws DataDirectoryInUse when the server has an owner, or neither opens nor exits within a minute
 */
export async function endOrphan(cluster: Cluster, log: (message: string) => void): Promise<void> {
  const begin = Date.now()
  for (; Date.now() < begin + 60_000; await sleep(20)) {
    const postmaster = await readPostmaster(cluster.folder)
    if (postmaster === undefined || !isAlive(postmaster.pid)) return
    if (await isAnotherProgram(postmaster.pid, cluster.folder)) {
      // PostgreSQL would refuse to start beside a process of that number, for ever. Should another start have
      // replaced the file right now, its shared memory still keeps a second server off the cluster.
      await rm(pidFile(cluster.folder), { force: true })
      return
    }
    let client: Client
    try {
      client = await connect(postmaster.port, cluster.password)
    } catch (error) {
      // cannot_connect_now: it is starting up or shutting down. Else PostgreSQL itself judges its lock file.
      if (hasCode(error, '57P03')) continue
      return
    }
    try {
      if (!(await isServedBy(client, postmaster))) return
      const [owned, starterAlive] = [await isOwned(client), await isStarterAlive(client)]
      if (owned && starterAlive) throw new DataDirectoryInUse(cluster.folder)
      // Either is a state in passing: an owner that was just killed, or one that is about to own. A process
      // which got the number of a dead one looks like the latter.
      if ((owned || starterAlive) && Date.now() < begin + 5_000) continue
      if (!(await tryLock(client))) throw new DataDirectoryInUse(cluster.folder)
      log('shutting down the PostgreSQL of a server that was killed')
      process.kill(postmaster.pid, 'SIGINT')
    } finally {
      await client.end()
    }
  }
  throw new DataDirectoryInUse(cluster.folder)
}

/** Opens a connection for ownership. When the server ends it, it emits `end`, and no error that needs a handler. */
async function connect(port: number, password: string): Promise<Client> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: owner,
    password,
    database: lockDatabase,
    ssl: false,
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function isOwned(client: Client): Promise<boolean> {
  const lock = `select from pg_locks
    where locktype = 'advisory' and granted and (classid, objid, objsubid) = ($1, $2, 2)`
  return (await client.query(lock, lockKey)).rowCount !== 0
}

async function isStarterAlive(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: string | null }>(`select current_setting($1, true) as pid`, [
    starterSetting,
  ])
  return rows.some(({ pid }) => pid !== null && isAlive(Number(pid)))
}

async function tryLock(client: Client): Promise<boolean> {
  const { rowCount } = await client.query('select where pg_try_advisory_lock($1, $2)', lockKey)
  return rowCount === 1
}

async function isServedBy(client: Client, postmaster: Postmaster): Promise<boolean> {
  const { rows } = await client.query<{ content: string }>(`select pg_read_file('postmaster.pid') as content`)
  return rows.some(({ content }) => parsePostmaster(content)?.identity === postmaster.identity)
}

function parsePostmaster(content: string): Postmaster | undefined {
  const lines = content.split('\n')
  const [pid, , , port] = lines.map(Number)
  if (!pid || !port) return undefined
  return { pid, port, isReady: lines[7]?.trim() === 'ready', identity: lines.slice(0, 4).join('\n') }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !hasCode(error, 'ESRCH')
  }
}

// A server process works in its cluster's folder: one that surely doesn't got the number of a dead one.
async function isAnotherProgram(pid: number, clusterFolder: string): Promise<boolean> {
  const workingFolder = await stat(`/proc/${pid}/cwd`).catch(() => undefined)
  if (workingFolder === undefined) return false
  const cluster = await stat(clusterFolder)
  return workingFolder.ino !== cluster.ino || workingFolder.dev !== cluster.dev
}

function pidFile(clusterFolder: string): string {
  return join(clusterFolder, 'postmaster.pid')
}
