// Creates the cluster of an embedded PostgreSQL in a data directory.
import { randomBytes } from 'node:crypto'
import fs from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Account, findPostgresPrograms, hasCode } from './binaries.ts'
import { type LaunchOptions, launch } from './process.ts'

/** Name of PostgreSQL's superuser and of the application's database. */
export const superuser = 'interaction_api'

/** A cluster that is ready to be started. */
export interface Cluster {
  readonly folder: string
  readonly password: string
  /** The folder of `initdb` and `postgres`. */
  readonly programs: string
  readonly account: Account | undefined
}

/** Returns the folder of the cluster in a data directory. */
export function clusterFolder(dataDirectory: string): string {
  return join(resolve(dataDirectory), 'postgres')
}

/** Returns the superuser's password; rejects with ENOENT when no cluster was created yet. */
export function readPassword(dataDirectory: string): Promise<string> {
  return fs.readFile(passwordFile(dataDirectory), 'utf8')
}

/**
 * Creates the data directory and its cluster when they are missing. Safe while another process does the same.
 * @param isDurable whether a new cluster must survive a power failure
 */
export async function prepareCluster(dataDirectory: string, isDurable: boolean): Promise<Cluster> {
  await fs.mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  const folder = clusterFolder(dataDirectory)
  const account = await chooseAccount(folder)
  const programs = await findPostgresPrograms(account, resolve(dataDirectory))
  if (!(await isCluster(folder))) await createCluster(dataDirectory, isDurable, { programs, account })
  return { folder, password: await readPassword(dataDirectory), programs, account }
}

// PostgreSQL refuses to run as root: for root it runs as the owner of the cluster, or as nobody.
async function chooseAccount(folder: string): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const existing = await fs.stat(folder).catch(() => undefined)
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid }
  const accounts = await fs.readFile('/etc/passwd', 'utf8').catch(() => '')
  const [, uid = '65534', gid = '65534'] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(accounts) ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

async function isCluster(folder: string): Promise<boolean> {
  return (await fs.stat(join(folder, 'PG_VERSION')).catch(() => undefined)) !== undefined
}

// Created in a folder of its own and renamed when complete: a crash in between leaves nothing that looks like a cluster.
// initdb syncs all files to disk. Later checkpoints sync only what they wrote, so without that a power failure could
// take the catalogs from under committed rows.
async function createCluster(
  dataDirectory: string,
  isDurable: boolean,
  { programs, account }: Pick<Cluster, 'programs' | 'account'>,
): Promise<void> {
  await removeLeftovers(dataDirectory)
  const folder = await fs.mkdtemp(join(dataDirectory, 'postgres-new-'))
  try {
    await createPassword(dataDirectory, folder)
    if (account !== undefined) {
      await fs.chown(folder, account.uid, account.gid)
      await fs.chown(join(folder, 'password'), account.uid, account.gid)
    }
    await run(join(programs, 'initdb'), {
      folder,
      account,
      args: (path) => [
        ...[`--pgdata=${path}/cluster`, `--username=${superuser}`, `--pwfile=${path}/password`],
        ...['--auth=scram-sha-256', '--encoding=UTF8', '--no-instructions'],
        ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
        ...(isDurable ? [] : ['--no-sync']),
      ],
    })
    await run(join(programs, 'postgres'), {
      folder,
      account,
      args: (path) => [
        ...['--single', '-D', `${path}/cluster`, '-c', 'exit_on_error=on'],
        ...['-c', `fsync=${isDurable ? 'on' : 'off'}`, 'postgres'],
      ],
      input: `create database ${superuser}\n`,
    })
    await putInPlace(join(folder, 'cluster'), clusterFolder(dataDirectory))
    await syncFolder(dataDirectory)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

async function run(program: string, options: LaunchOptions): Promise<void> {
  const { ended, lastLines } = launch(program, options)
  if ((await ended) !== 0) throw new Error(`PostgreSQL's cluster was not created: ${lastLines()}`)
}

async function putInPlace(cluster: string, place: string): Promise<void> {
  try {
    await fs.rename(cluster, place)
  } catch (error) {
    // Another start on this data directory was faster; its cluster is as good.
    if (!(await isCluster(place))) throw error
  }
}

function passwordFile(dataDirectory: string): string {
  return join(dataDirectory, 'postgres-password')
}

// fs.fs.link creates the complete file, and only when there is none: starts at the same time share one password.
async function createPassword(dataDirectory: string, folder: string): Promise<void> {
  const draft = await fs.open(join(folder, 'draft'), 'wx', 0o600)
  await draft.writeFile(randomBytes(32).toString('base64url'))
  await draft.sync()
  await draft.close()
  try {
    await fs.link(join(folder, 'draft'), passwordFile(dataDirectory))
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
  await fs.copyFile(passwordFile(dataDirectory), join(folder, 'password'))
}

// Removes what a killed start left behind. A recent folder may belong to a start that is still running.
async function removeLeftovers(dataDirectory: string): Promise<void> {
  const tenMinutesAgo = Date.now() - 600_000
  for (const name of await fs.readdir(dataDirectory)) {
    const path = join(dataDirectory, name)
    if (!name.startsWith('postgres-new-')) continue
    const created = (await fs.stat(path).catch(() => undefined))?.mtimeMs
    if (created === undefined || created > tenMinutesAgo) continue
    await fs.rm(path, { recursive: true, force: true })
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder)
  await handle.sync()
  await handle.close()
}
