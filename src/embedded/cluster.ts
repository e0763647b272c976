// The files of an embedded PostgreSQL in a data directory.
import { randomBytes } from 'node:crypto'
import {
  chown,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Account, findPostgresPrograms, hasCode } from './binaries.ts'
import { launch } from './process.ts'

/** Name of PostgreSQL's superuser, and of the application's database. */
export const owner = 'interaction_api'

/** A data directory with its cluster, ready to be run. */
export interface Cluster {
  readonly folder: string
  readonly password: string
  readonly programs: string
  readonly account: Account | undefined
}

/** Where a data directory keeps its cluster. */
export function clusterFolder(dataDirectory: string): string {
  return join(resolve(dataDirectory), 'postgres')
}

/** The superuser's password; rejects with ENOENT where no cluster was made yet. */
export function readPassword(dataDirectory: string): Promise<string> {
  return readFile(passwordFile(dataDirectory), 'utf8')
}

/**
 * Makes the data directory and its cluster where they are missing. Safe beside another start on the same one.
 * @param isDurable whether a new cluster is to survive a power cut
 */
export async function prepareCluster(dataDirectory: string, isDurable: boolean): Promise<Cluster> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  const folder = clusterFolder(dataDirectory)
  const account = await chooseAccount(folder)
  const programs = await findPostgresPrograms(account, resolve(dataDirectory))
  if (!(await isCluster(folder))) await makeCluster(dataDirectory, programs, account, isDurable)
  return { folder, password: await readPassword(dataDirectory), programs, account }
}

// PostgreSQL refuses to run as root: root starts it as the one who owns the cluster already, or as nobody.
async function chooseAccount(folder: string): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const existing = await stat(folder).catch(() => undefined)
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid }
  const accounts = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const [, uid = '65534', gid = '65534'] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(accounts) ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

async function isCluster(folder: string): Promise<boolean> {
  return (await stat(join(folder, 'PG_VERSION')).catch(() => undefined)) !== undefined
}

// Made aside and renamed when complete, so that a crash in between leaves nothing that a start would take for
// a cluster. initdb syncs all of it to disk: later checkpoints sync only what they wrote, and a power cut would
// take the catalogs away from under the first committed records.
async function makeCluster(
  dataDirectory: string,
  programs: string,
  account: Account | undefined,
  isDurable: boolean,
): Promise<void> {
  await removeLeftovers(dataDirectory)
  const aside = await mkdtemp(join(dataDirectory, 'postgres-new-'))
  try {
    await makePassword(dataDirectory, aside)
    if (account !== undefined) {
      await chown(aside, account.uid, account.gid)
      await chown(join(aside, 'password'), account.uid, account.gid)
    }
    const args = (folder: string) => [
      ...[`--pgdata=${folder}/cluster`, `--username=${owner}`, `--pwfile=${folder}/password`],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--no-instructions'],
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...(isDurable ? [] : ['--no-sync']),
    ]
    const initdb = launch(join(programs, 'initdb'), aside, account, args, new AbortController().signal)
    await initdb.ended
    if (initdb.process.exitCode !== 0) throw new Error(`initdb failed: ${initdb.lastLines()}`)
    await putInPlace(join(aside, 'cluster'), clusterFolder(dataDirectory))
    await syncFolder(dataDirectory)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function putInPlace(cluster: string, place: string): Promise<void> {
  try {
    await rename(cluster, place)
  } catch (error) {
    // Another start on this data directory may have been faster: its cluster is as good.
    if (!(await isCluster(place))) throw error
  }
}

function passwordFile(dataDirectory: string): string {
  return join(dataDirectory, 'postgres-password')
}

// link() puts the password in place whole, and only where there is none: starts at the same time share one.
async function makePassword(dataDirectory: string, aside: string): Promise<void> {
  const draft = await open(join(aside, 'draft'), 'wx', 0o600)
  await draft.writeFile(randomBytes(32).toString('base64url'))
  await draft.sync()
  await draft.close()
  try {
    await link(join(aside, 'draft'), passwordFile(dataDirectory))
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
  await copyFile(passwordFile(dataDirectory), join(aside, 'password'))
}

// What a killed start left behind. A young one may belong to a start that is at work right now.
async function removeLeftovers(dataDirectory: string): Promise<void> {
  const tenMinutesAgo = Date.now() - 600_000
  for (const name of await readdir(dataDirectory)) {
    const path = join(dataDirectory, name)
    if (!name.startsWith('postgres-new-')) continue
    const made = (await stat(path).catch(() => undefined))?.mtimeMs
    if (made === undefined || made > tenMinutesAgo) continue
    await rm(path, { recursive: true, force: true })
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync()
  await handle.close()
}
