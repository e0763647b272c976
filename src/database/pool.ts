// The connections to PostgreSQL: how each is set up, how many there may be, and how long one may be used at a time.
import { type Client, Pool, type PoolClient, type QueryConfig, type QueryResultRow, types } from 'pg'
import { keepsConnection } from './sqlstate.ts'

export interface PoolSettings {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** at most so many connections */
  readonly poolSize: number
  /** how long to wait for a connection, made or given back */
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  /** whether one keeps a connection, and sends statements while others are under way on it */
  readonly isShared?: boolean
}

/** How much longer than a statement may take its answer is waited for. */
const graceMs = 500

/** How long the answer to a statement is waited for, in milliseconds; undefined: for any time. */
export function overdueMs({ statementTimeoutMs }: PoolSettings): number | undefined {
  return statementTimeoutMs > 0 ? statementTimeoutMs + graceMs : undefined
}

/**
 * Opens no connection yet: the first statement does. A connection that is kept for longer than a statement may take
 * is cut, unless it is shared: PostgreSQL would have ended the statement, so its word must have been lost on the way.
 * @param onError told of errors on idle connections, which the pool then replaces
 */
export function openPool(settings: PoolSettings, onError: (error: Error) => void): Pool {
  const { isShared = false, statementTimeoutMs } = settings
  const pool = new Pool({
    connectionString: settings.url,
    max: settings.poolSize,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    application_name: 'interaction-api',
    keepAlive: true,
    pipeline: isShared,
    types: {
      getTypeParser: (oid, format) => (stayText.has(oid) ? keepText : types.getTypeParser(oid, format)),
    },
    // PostgreSQL's default price of 4 for a random page is that of a spinning disk: it would turn deep pages and
    // selective filters into sequential scans.
    options: [
      '-c TimeZone=UTC',
      '-c DateStyle=ISO',
      '-c random_page_cost=1.1',
      // Its callers are many: parallel workers take more work in all for the same answer, and the others wait for it.
      '-c max_parallel_workers_per_gather=0',
      // Compiling a plan takes longer than these statements run, and is decided by rough estimates of their cost.
      '-c jit=off',
      // What is sent to a shared connection costs less to run than to plan, and its plan does not depend on its values.
      `-c plan_cache_mode=${isShared ? 'force_generic_plan' : 'auto'}`,
      `-c statement_timeout=${statementTimeoutMs}`,
      `-c lock_timeout=${settings.lockTimeoutMs}`,
    ].join(' '),
  })
  pool.on('error', onError)
  // A connection that is lost while a statement runs fails the statement; as an event, nobody else has to hear of it.
  pool.on('connect', (client) => void client.on('error', () => {}))
  const limitMs = overdueMs(settings)
  if (!isShared && limitMs !== undefined) cutWhenOverdue(pool, limitMs)
  return pool
}

/**
 * By callbacks: for each statement, promises of pg and its pool keep 25 MB more alive under load.
 * @param onEnd told first, whichever way it ends, whether the connection is as good as before
 */
export function runOn<Row extends QueryResultRow>(
  client: PoolClient,
  statement: QueryConfig,
  onEnd: (isUsable: boolean) => void,
  resolve: (rows: Row[]) => void,
  reject: (failure: Error) => void,
): void {
  client.query<Row>(statement, (error, result) => {
    // null when there is none
    const failure: Error | null = error
    onEnd(failure === null || keepsConnection(failure))
    if (failure === null) resolve(result.rows)
    else reject(failure)
  })
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

/** What JavaScript has no exact value for; int8 and numeric are texts by themselves. */
const stayText = new Set<number>([types.builtins.JSON, types.builtins.TIMESTAMPTZ])
const keepText = (text: string) => text
