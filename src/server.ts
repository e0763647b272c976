// Starts the service: opens what it needs, builds the app, listens; and closes in reverse order.
import path from 'node:path'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import { defaultScopes, putClient } from './auth/clients.ts'
import { type DemoClients, openDemoClients } from './auth/demo-clients.ts'
import { openSigningKey } from './auth/signing-key.ts'
import type { Config } from './config/config.ts'
import { type Database, openDatabase } from './database/database.ts'
import { migrate } from './database/migrations.ts'
import { checkSession } from './database/session.ts'
import { findEmbeddedPostgres, startEmbeddedPostgres } from './embedded/postgres.ts'
import { keepTotals } from './totals/keeper.ts'

export interface Server {
  /** where it listens */
  readonly baseUrl: string
  /** ready-made clients; only when the database is the embedded one, and no others are given */
  readonly demoClients: DemoClients | undefined
  /** for what is to be done beside the requests; closed with the server */
  readonly database: Database
  /** Takes no new connection, finishes the running requests, closes everything. */
  close(): Promise<void>
}

/**
 * @param postgresSettings settings of the embedded PostgreSQL, by PostgreSQL's names
 * @throws Error with a message for the operator when something cannot be opened; what was opened is closed again
 */
export async function startServer(
  config: Config,
  log: FastifyBaseLogger,
  { postgresSettings = {} }: { postgresSettings?: Readonly<Record<string, string>> } = {},
): Promise<Server> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
  }
  try {
    const dataDirectory = path.resolve(config.dataDirectory)
    const signingKeyOpened = openSigningKey({ ...config.tokens, dataDirectory })
    signingKeyOpened.catch(() => undefined)
    const { url, stop } = await databaseUrl(config, log, { postgresSettings })
    closers.push(stop)
    await migrateDatabase(config, url, log)
    const database = openDatabase({ ...config.database, url }, (lost) => logLost(lost, log))
    closers.push(() => database.close())
    const isUnset = config.database.url === undefined && config.bootstrapClients.length === 0
    const wantsDemo = isUnset && config.tokens.endpoint
    const { secretCost } = config.tokens
    const demoClients = wantsDemo
      ? await openDemoClients(database.kysely, dataDirectory, secretCost)
      : undefined
    await Promise.all(
      config.bootstrapClients.map(
        ({ clientSecret, organizationId = null, scopes = defaultScopes, ...client }) =>
          putClient(database.kysely, { ...client, organizationId, scopes }, clientSecret, secretCost),
      ),
    )
    if (config.keepsTotals) {
      const keeper = keepTotals(database, log)
      closers.push(() => keeper.close())
    }
    const app = await buildApp({ config, database, signingKey: await signingKeyOpened, log })
    closers.push(() => app.close())
    return { baseUrl: await listen(app, config, log), demoClients, database, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The error alone: what hangs on it holds the keys with which the connection could be cancelled. */
export function logLost({ message }: Error, log: FastifyBaseLogger): void {
  log.warn({ reason: message }, 'idle connection lost')
}

/**
 * Brings the schema of that database up to date, however long that takes.
 * @throws Error for the operator, with nothing changed, when its sessions are not set up as asked for
 */
export async function migrateDatabase(config: Config, url: string, log: FastifyBaseLogger): Promise<void> {
  const unhurried = { ...config.database, url, poolSize: 1, statementTimeoutMs: 0, lockTimeoutMs: 0 }
  const database = openDatabase(unhurried, (lost) => logLost(lost, log))
  try {
    await checkSession(database.kysely)
    const applied = await migrate(database.kysely)
    if (applied.length > 0) log.info({ applied }, 'migrated')
  } finally {
    await database.close()
  }
}

interface DatabaseUrlOptions {
  /** whether an embedded one that a running server keeps will do; false by default */
  readonly beside?: boolean
  /** of an embedded one that is started */
  readonly postgresSettings?: Readonly<Record<string, string>>
}

/** The database of the settings: the given one, or else the embedded one. */
export async function databaseUrl(
  config: Config,
  log: FastifyBaseLogger,
  { beside = false, postgresSettings = {} }: DatabaseUrlOptions = {},
): Promise<{ url: string; stop: () => Promise<void> }> {
  const { url } = config.database
  if (url !== undefined) return { url, stop: async () => {} }
  const dataDirectory = path.resolve(config.dataDirectory)
  const running = beside ? await findEmbeddedPostgres(dataDirectory) : undefined
  if (running !== undefined) return { url: running, stop: async () => {} }
  const embedded = await startEmbeddedPostgres({
    dataDirectory,
    log: (message) => log.warn(message),
    settings: postgresSettings,
  })
  return { url: embedded.url, stop: () => embedded.stop() }
}

/** An explicit port is meant; the default one gives way to any free port when something else listens there. */
async function listen(
  app: FastifyInstance,
  { http: { host, port } }: Config,
  log: FastifyBaseLogger,
): Promise<string> {
  try {
    await app.listen({ host, port: port ?? 8080 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    if (port !== undefined)
      throw new Error(`PORT: something else listens on ${host}:${port}`, { cause: error })
    log.warn('port 8080 is taken, so another one is used; set PORT to choose')
    await app.listen({ host, port: 0 })
  }
  const [address] = app.addresses()
  if (typeof address !== 'object') throw new Error('the server has no address')
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${address.port}`
}
