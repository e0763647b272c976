// Which server runs on a cluster, by the files that PostgreSQL keeps there, and whether its owner is alive.
import { readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './binaries.ts'

/** Another server uses the data directory. */
export class DataDirectoryInUse extends Error {
  constructor(clusterFolder: string) {
    super(`The data directory ${dirname(clusterFolder)} is in use by another server`)
    this.name = 'DataDirectoryInUse'
  }
}

/** The setting that holds the process id of PostgreSQL's owner; `postmaster.opts` shows it. */
export const ownerSetting = 'interaction_api.starter'

interface Postmaster {
  readonly pid: number
  readonly port: number
  /** `starting`, `ready` or `stopping` */
  readonly status: string | undefined
  readonly hasOwner: boolean
}

/** Returns the port of the cluster's server; undefined when none runs, it is stopping, or its owner is gone. */
export async function findPort(clusterFolder: string): Promise<number | undefined> {
  const postmaster = await findPostmaster(clusterFolder)
  if (postmaster === undefined || postmaster.status === 'stopping' || !postmaster.hasOwner) return undefined
  return (await isOtherProgram(postmaster.pid, clusterFolder)) ? undefined : postmaster.port
}

/**
 * Waits until no server runs on the cluster: one that is stopping, or whose owner was killed, ends within seconds.
 * @throws DataDirectoryInUse when a server with an owner runs there, or when a server does not end within a minute
 */
export async function waitUntilFree(
  clusterFolder: string,
  log: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const begin = Date.now()
  let hasLogged = false
  for (; Date.now() < begin + 60_000; await sleep(20, undefined, { signal })) {
    const postmaster = await findPostmaster(clusterFolder)
    if (postmaster === undefined) return
    if (await isOtherProgram(postmaster.pid, clusterFolder)) {
      // PostgreSQL does not start while a process has the id in its lock file. Should another start have replaced the
      // file just now, PostgreSQL's shared memory still keeps a second server off the cluster.
      await rm(join(clusterFolder, 'postmaster.pid'), { force: true })
      return
    }
    // A killed owner keeps its process id until its parent has waited for it. By then PostgreSQL is stopping.
    const mayBeUsed = postmaster.hasOwner && postmaster.status !== 'stopping'
    if (mayBeUsed && Date.now() > begin + 500) throw new DataDirectoryInUse(clusterFolder)
    if (!postmaster.hasOwner && !hasLogged) log('waiting for the PostgreSQL of a server that was killed')
    hasLogged ||= !postmaster.hasOwner
  }
  throw new DataDirectoryInUse(clusterFolder)
}

async function findPostmaster(clusterFolder: string): Promise<Postmaster | undefined> {
  const lock = await readIfPresent(join(clusterFolder, 'postmaster.pid'))
  const options = await readIfPresent(join(clusterFolder, 'postmaster.opts'))
  const lines = lock.split('\n')
  const [pid = 0, , , port = 0] = lines.map(Number)
  // PostgreSQL runs as the current user, or that user is root: a process that cannot be signalled is another program.
  if (!(pid > 0 && port > 0 && exists(pid, { ofAnyUser: false }))) return undefined
  const [, owner] = new RegExp(`${ownerSetting}=(\\d+)`).exec(options) ?? []
  const hasOwner = exists(Number(owner), { ofAnyUser: true })
  return { pid, port, status: lines[7]?.trim(), hasOwner }
}

async function readIfPresent(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}

function exists(pid: number, { ofAnyUser }: { ofAnyUser: boolean }): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return ofAnyUser && hasCode(error, 'EPERM')
  }
}

// After a reboot another program may have the id in the lock file. A server works in its cluster's folder; where the
// system does not show the working folder of a process, the answer is false.
async function isOtherProgram(pid: number, clusterFolder: string): Promise<boolean> {
  const workingFolder = await stat(`/proc/${pid}/cwd`).catch(() => undefined)
  if (workingFolder === undefined) return false
  const cluster = await stat(clusterFolder)
  return workingFolder.ino !== cluster.ino || workingFolder.dev !== cluster.dev
}
