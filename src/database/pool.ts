// Opens pools of connections to PostgreSQL: their session settings, their number, and how long a statement may take.
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, Pool, type PoolClient, type QueryConfig, type QueryResultRow, types } from 'pg'
import { connectorOf, moveTo, TolerantClient } from './hosts.ts'
import { sessionSettings, toStartupOptions } from './session.ts'
import { keepsConnection } from './sqlstate.ts'
import { applyInTransactions } from './transaction-settings.ts'

export interface PoolSettings {
  /** `postgres://user:password@host:port/database`, or with several hosts (config/database-url.ts) */
  readonly url: string
  /** the largest number of connections */
  readonly poolSize: number
  /** how long to wait for a connection, new or released, in milliseconds */
  readonly connectTimeoutMs: number
  /** how long a statement may run, in milliseconds; 0: no limit */
  readonly statementTimeoutMs: number
  /** how long a statement may wait for a lock, in milliseconds; 0: no limit */
  readonly lockTimeoutMs: number
  /** whether statements are sent on a connection while others are running on it; false by default */
  readonly isShared?: boolean
  /** whether a pooler may run each transaction in another session; false by default */
  readonly usesPooler?: boolean
  /** whether the interactions are distributed over several machines; false by default */
  readonly isDistributed?: boolean
}

/** How long after PostgreSQL's own statement timeout its response may still arrive, in milliseconds. */
const graceMs = 500

/** Returns how long to wait for the response to a statement, in milliseconds; undefined: without limit. */
export function overdueMs({ statementTimeoutMs }: PoolSettings): number | undefined {
  return statementTimeoutMs > 0 ? statementTimeoutMs + graceMs : undefined
}

/**
 * Creates a pool without connecting: the first statement opens the first connection. Closes a connection that a
 * statement has used for longer than `overdueMs`, unless the pool is shared: PostgreSQL has ended the statement by then,
 * so its response was lost on the network.
 * @param onError receives errors of idle connections, which the pool then replaces
 */
export function openPool(settings: PoolSettings, onError: (error: Error) => void): Pool {
  const { isShared = false, usesPooler = false } = settings
  // Statements on a shared connection take less time to run than to plan, and one plan suits all values.
  const session = sessionSettings({ ...settings, forcesGenericPlans: isShared })
  const connector = connectorOf(settings.url, settings.connectTimeoutMs)
  const pool = new Pool({
    application_name: 'interaction-api',
    ...connector.config,
    Client: connector.Client,
    max: settings.poolSize,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    keepAlive: true,
    pipeline: isShared,
    types: {
      getTypeParser: (oid, format) => (textTypes.has(oid) ? keepText : types.getTypeParser(oid, format)),
    },
    ...(usesPooler
      ? { onConnect: (client) => applyInTransactions(session, client, settings.connectTimeoutMs) }
      : { options: toStartupOptions(session) }),
  })
  pool.on('error', onError)
  const limitMs = overdueMs(settings)
  if (!isShared && limitMs !== undefined) cutWhenOverdue(pool, limitMs)
  return pool
}

/**
 * Runs a statement on a connection. It takes callbacks, because the promises of pg kept 25 MB more alive under load.
 * @param onEnd called first, after success and failure; the argument says whether the connection can still be used
 */
export function runOn<Row extends QueryResultRow>(
  client: PoolClient,
  statement: QueryConfig,
  onEnd: (isUsable: boolean) => void,
  resolve: (rows: Row[]) => void,
  reject: (failure: Error) => void,
): void {
  client.query<Row>(statement, (error, result) => {
    // pg passes null when there is no error, although its types say otherwise
    const failure: Error | null = error
    onEnd(failure === null || keepsConnection(failure))
    if (failure === null) resolve(result.rows)
    else reject(failure)
  })
}

/** When to end a statement before it is done. */
export interface StatementLimits {
  /** how long it may run, in milliseconds; undefined: as long as any */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** called when it is sent */
  readonly onSend?: (() => void) | undefined
}

/**
 * Cancels a statement that is to run on the client when a limit is reached; it then fails with SQLSTATE 57014.
 * @returns a function to call when the statement has ended. It resolves when the client can be used again: a late cancel
 *   request would end the next statement.
 */
export function cancelAtLimit(
  client: PoolClient,
  { timeoutMs, signal }: StatementLimits,
  settings: PoolSettings,
): () => Promise<void> | undefined {
  let cancelling: { readonly ended: AbortController; readonly done: Promise<void> } | undefined
  const cancel = () => {
    if (cancelling !== undefined) return
    const ended = new AbortController()
    cancelling = { ended, done: cancelUntilEnded(client, settings, ended.signal) }
  }
  const timer = timeoutMs === undefined ? undefined : setTimeout(cancel, timeoutMs)
  signal?.addEventListener('abort', cancel)
  return () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    cancelling?.ended.abort()
    return cancelling?.done
  }
}

/**
 * Requests to cancel a statement until it has ended: a request has no effect when it is lost, or when it arrives before
 * the statement.
 */
async function cancelUntilEnded(
  client: PoolClient,
  settings: PoolSettings,
  ended: AbortSignal,
): Promise<void> {
  for (let waitMs = firstCancelWaitMs; !ended.aborted; waitMs *= 2) {
    await requestCancel(client, settings)
    await pause(waitMs, undefined, { signal: ended }).catch(() => {})
  }
}

/** How long after the first request to cancel a statement the second is sent, in milliseconds; each further one later. */
const firstCancelWaitMs = 50

/**
 * Sends a CancelRequest on a connection of its own (PostgreSQL documentation, "Canceling Requests in Progress"). It
 * works through poolers and TLS. When it fails, the statement timeout ends the statement.
 * @returns a promise that resolves when the server has closed that connection, which it does after the request
 */
async function requestCancel(running: PoolClient, { connectTimeoutMs }: PoolSettings): Promise<void> {
  const message = Buffer.alloc(16)
  const words = [
    message.length,
    cancelRequestCode,
    backendKey(running, 'processID'),
    backendKey(running, 'secretKey'),
  ]
  for (const [index, word] of words.entries()) message.writeInt32BE(word, 4 * index)
  const canceller = new TolerantClient({ connectionTimeoutMillis: connectTimeoutMs })
  // the host that runs the statement may be one of several
  moveTo(canceller, running)
  const { connection } = canceller
  // The request takes the place of the startup message: pg has negotiated TLS by then.
  Object.assign(connection, { startup: () => connection.stream.write(message) })
  // pg reports the end of the connection as an error
  await canceller.connect().catch(() => {})
}

const cancelRequestCode = 80_877_102

/** Returns a number of BackendKeyData, which the types of pg lack. */
function backendKey(client: object, name: 'processID' | 'secretKey'): number {
  const value: unknown = Reflect.get(client, name)
  return typeof value === 'number' ? value : 0
}

function cutWhenOverdue(pool: Pool, limitMs: number): void {
  const timers = new WeakMap<Client, NodeJS.Timeout>()
  pool.on('acquire', (client) => {
    timers.set(
      client,
      setTimeout(() => void client.end(), limitMs),
    )
  })
  pool.on('release', (_error, client) => clearTimeout(timers.get(client)))
}

/** Types that stay text, since JavaScript has no exact value for them; pg leaves int8 and numeric as text anyway. */
const textTypes = new Set<number>([types.builtins.JSON, types.builtins.TIMESTAMPTZ])
const keepText = (text: string) => text
