// Starts the service: opens its resources, builds the app and listens. Closes in reverse order.
import path from 'node:path'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { findOtherClients, putBootstrapClients } from './auth/clients/bootstrap.ts'
import { type DemoClients, openDemoClients } from './auth/clients/demo-clients.ts'
import { openSigningKey } from './auth/signing-key.ts'
import type { Config } from './config/config.ts'
import { type Database, openDatabase } from './database/database.ts'
import { waitWhileUnavailable } from './database/retry.ts'
import { logLostConnection, migrateDatabase } from './database/schema/prepare.ts'
import { findEmbeddedPostgres, startEmbeddedPostgres } from './embedded/postgres.ts'
import { openAuditLog } from './observability/audit/log.ts'
import { addTraceComment } from './observability/tracing.ts'
import { keepTotals } from './totals/keeper.ts'
import { messageOf } from './types/error-message.ts'

export interface Server {
  /** URL without a trailing slash, such as `http://127.0.0.1:8080` */
  readonly baseUrl: string
  /** Generated clients, unless others are configured. */
  readonly demoClients: DemoClients | undefined
  /** The pool of the server, which closes it. */
  readonly database: Database
  /** Opens the file of the audit log again, for log rotation. */
  reopenAuditLog(): Promise<void>
  /** Stops accepting connections, finishes running requests and closes everything. */
  close(): Promise<void>
}

export interface StartOptions {
  /** settings of the embedded PostgreSQL by name */
  readonly postgresSettings?: Readonly<Record<string, string>>
  /** ends the wait for the database */
  readonly signal?: AbortSignal
}

/**
 * Starts the service. Waits up to `RETRY_TIMEOUT_MS` for a database that does not answer, or whose primary has yet
 * to migrate it.
 * @throws Error with a message for operators if the start fails; everything is closed by then
 */
export async function startServer(
  config: Config,
  log: FastifyBaseLogger,
  { postgresSettings = {}, signal }: StartOptions = {},
): Promise<Server> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
  }
  try {
    const dataDirectory = path.resolve(config.dataDirectory)
    // loaded while PostgreSQL starts, and not by the commands that only need a database
    const loadedApp = import('./app.ts')
    const openedSigningKey = openSigningKey({ ...config.tokens, dataDirectory })
    openedSigningKey.catch(() => undefined)
    const starting = databaseUrl(config, log, { postgresSettings })
    const { url, stop } = await announceIfSlow(log, 'preparing the embedded PostgreSQL', starting)
    closers.push(stop)
    const whenAvailable = waitWhileUnavailable({
      timeoutMs: config.database.retryTimeoutMs,
      signal,
      onWait: (error) => log.warn({ reason: messageOf(error) }, 'waiting for the database'),
    })
    const migrating = whenAvailable(() => migrateDatabase(config, url, log))
    const applied = await announceIfSlow(log, 'preparing the database', migrating)
    if (config.keepsTotals && !applied.keepsTotals)
      log.warn('the interactions are distributed: no totals are kept, and each search counts')
    // by now there is a DATA_DIR, where the file may be
    const audit = await openAuditLog(config.audit, log)
    closers.push(() => audit.close())
    const commentOn = config.database.commentsStatements ? addTraceComment : undefined
    const database = openDatabase({ ...applied.database, commentOn }, (error) =>
      logLostConnection(error, log),
    )
    closers.push(() => database.close())
    const demoIsDefault = config.database.url === undefined
    const wantsDemo =
      config.bootstrapClients.length === 0 && config.tokens.endpoint && (config.demoClients ?? demoIsDefault)
    const { secretCost } = config.tokens
    const bootstrap = { clients: config.bootstrapClients, secretCost }
    const isReadOnly = await whenAvailable(async () => {
      const found = await database.ping()
      if (found.isReadOnly) await describeFollower(bootstrap, database, log)
      else await putBootstrapClients(bootstrap, database, audit)
      return found.isReadOnly
    })
    const demoClients =
      wantsDemo && !isReadOnly ? await openDemoClients(database.kysely, dataDirectory, secretCost) : undefined
    if (applied.keepsTotals) {
      const keeper = keepTotals(database, log)
      closers.push(() => keeper.close())
    }
    const { buildApp } = await loadedApp
    const app = await buildApp({ config: applied, database, signingKey: await openedSigningKey, log, audit })
    closers.push(() => app.close())
    const reopenAuditLog = () => audit.reopen()
    return { baseUrl: await listen(app, config, log), demoClients, database, reopenAuditLog, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Logs what is done when it takes longer than a second, so that a slow first start does not look like one that hangs. */
function announceIfSlow<Result>(
  log: FastifyBaseLogger,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  const timer = setTimeout(() => log.info(`${what} …`), 1000)
  return work.finally(() => clearTimeout(timer))
}

async function describeFollower(
  bootstrap: Parameters<typeof findOtherClients>[0],
  database: Database,
  log: FastifyBaseLogger,
): Promise<void> {
  log.info('the database takes no writes: this server reads, searches and issues tokens')
  const clients = await findOtherClients(bootstrap, database)
  if (clients.length > 0)
    log.warn(
      { clients },
      'the database has no such clients of BOOTSTRAP_CLIENTS: a server on the primary creates them',
    )
}

interface DatabaseUrlOptions {
  /** Uses the embedded PostgreSQL of a running server, if there is one. Default: false. */
  readonly shareRunning?: boolean
  /** settings of the embedded PostgreSQL by name, if it is started */
  readonly postgresSettings?: Readonly<Record<string, string>>
}

/** Returns the URL of the configured database. Without one, starts the embedded PostgreSQL; `stop` ends it. */
export async function databaseUrl(
  config: Config,
  log: FastifyBaseLogger,
  { shareRunning = false, postgresSettings = {} }: DatabaseUrlOptions = {},
): Promise<{ url: string; stop: () => Promise<void> }> {
  const { url } = config.database
  if (url !== undefined) return { url, stop: async () => {} }
  const dataDirectory = path.resolve(config.dataDirectory)
  const running = shareRunning ? await findEmbeddedPostgres(dataDirectory) : undefined
  if (running !== undefined) return { url: running, stop: async () => {} }
  const embedded = await startEmbeddedPostgres({
    dataDirectory,
    log: (message) => log.warn(message),
    settings: postgresSettings,
  })
  return { url: embedded.url, stop: () => embedded.stop() }
}

/** Listens on the configured port. If the default port is in use, listens on any free port. */
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
      throw new Error(`PORT: ${host}:${port} is in use by another process`, { cause: error })
    log.warn('port 8080 is in use; listening on a free port instead (set PORT to choose one)')
    await app.listen({ host, port: 0 })
  }
  const [address] = app.addresses()
  if (typeof address !== 'object') throw new Error('the server has no address')
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${name.includes(':') ? `[${name}]` : name}:${address.port}`
}
