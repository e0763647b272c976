// A PostgreSQL of the service's own in a data directory, for an installation without a database server.
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './binaries.ts'
import { clusterFolder, owner, prepareCluster, readPassword } from './cluster.ts'
import { DataDirectoryInUse, findOwnedPort, takeOwnership } from './ownership.ts'
import { type Held, type Start, startOnFreePort, startServer } from './server.ts'

export { DataDirectoryInUse }

/** A PostgreSQL that runs for this process alone. */
export interface EmbeddedPostgres {
  /** URL of the application's database on 127.0.0.1, password included; valid until `stop`, also over a crash */
  readonly url: string
  /** Ends running statements and connections, and waits until PostgreSQL has exited. Idempotent. */
  stop(): Promise<void>
}

/** What `startEmbeddedPostgres` needs. */
export interface EmbeddedPostgresOptions {
  /** Made (0700) when missing; everything of the database is below it. */
  readonly dataDirectory: string
  /** Receives PostgreSQL's fatal errors, crashes and restarts, as lines for people. */
  readonly log: (message: string) => void
  /**
   * PostgreSQL's settings by name, over those of this module; where it listens can't be set. With `fsync` off, nothing
   * waits for the disk while the cluster is made, either.
   */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Starts PostgreSQL on a data directory, made when it is missing, and keeps it running: a crash ends its
 * connections and is over in about a second, at the same URL.
 * @throws DataDirectoryInUse when another server runs there
 * @throws Error with PostgreSQL's own words when it doesn't start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const cluster = await prepareCluster(options.dataDirectory, options.settings?.fsync !== 'off')
  const stopping = new AbortController()
  const start = { cluster, settings: options.settings ?? {}, log: options.log, stopping: stopping.signal }
  const { held, port } = await startOnFreePort(start)
  const supervision = supervise(start, port, held)
  const stopNow = () => stopping.abort()
  // Without an orderly stop (an uncaught error, say) PostgreSQL ends as well, a moment later.
  process.once('exit', stopNow)
  return {
    url: urlOf(port, cluster.password),
    async stop() {
      process.off('exit', stopNow)
      stopNow()
      await supervision
    },
  }
}

/**
 * URL of the database of a server which runs on that data directory, for commands beside it.
 * @returns undefined when none runs
 */
export async function findEmbeddedPostgres(dataDirectory: string): Promise<string | undefined> {
  try {
    const password = await readPassword(dataDirectory)
    const port = await findOwnedPort(clusterFolder(dataDirectory), password)
    return port === undefined ? undefined : urlOf(port, password)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function urlOf(port: number, password: string): string {
  return `postgres://${owner}:${password}@127.0.0.1:${port}/${owner}`
}

// Settles when the server has ended for good: stopped, or another server took the data directory.
async function supervise(start: Start, port: number, first: Held): Promise<void> {
  let held: Held | undefined = first
  let latest = first
  while (held !== undefined) {
    latest = held
    const { ownership } = held
    // A connection of this server: it ends with it, and also when the server throws out all connections.
    await new Promise((ended) => ownership.once('end', ended))
    held = await regain(start, port, held)
  }
  await latest.postgres.ended
}

async function regain(start: Start, port: number, lost: Held): Promise<Held | undefined> {
  const { log, stopping } = start
  if (!stopping.aborted) log(`PostgreSQL crashed: ${lost.postgres.lastLines()}`)
  for (let pause = 50; !stopping.aborted; pause = Math.min(2 * pause, 4_000)) {
    await sleep(pause, undefined, { signal: stopping }).catch(() => {})
    if (stopping.aborted) break
    const hasEnded = lost.postgres.hasEnded()
    try {
      const back = hasEnded
        ? await startServer(start, port)
        : { ...lost, ownership: await takeOwnership(start.cluster, port) }
      log('PostgreSQL is back')
      return back
    } catch (error) {
      // While the lost server still runs, what holds the lock may be the lost connection's remains.
      if (hasEnded && error instanceof DataDirectoryInUse) {
        log(`PostgreSQL stays down, restart this server: ${error.message}`)
        return undefined
      }
      log(`PostgreSQL is not back yet: ${error instanceof Error ? error.message : error}`)
    }
  }
  return undefined
}
