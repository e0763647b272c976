// Opens the database: a pool of connections, and Kysely on top of it. Whoever opens it closes it.
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { Pool, type QueryResultRow, types } from 'pg'
import type { Tables } from './tables.ts'

export interface DatabaseSettings {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** at most so many connections */
  readonly poolSize: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
}

/** Numbers of connections, and of statements that wait for one. */
export interface PoolUse {
  readonly idle: number
  readonly busy: number
  readonly waiting: number
  /** how many connections there may be */
  readonly limit: number
}

export interface Database {
  /** for statements that are composed anew for each request */
  readonly kysely: Kysely<Tables>
  /**
   * Compiles a statement once, to be run by name: PostgreSQL parses it once per connection, and plans it once when
   * plans for the parameters at hand prove no better.
   * @param name unique among the statements of the service
   * @param compose writes the statement, taking its parameters from the argument's members and from nowhere else
   */
  prepare<Parameters extends object, Row extends QueryResultRow>(
    name: string,
    compose: (parameters: Parameters) => CompiledQuery<Row>,
  ): (parameters: Parameters) => Promise<Row[]>
  /** How the connections are used at the moment. */
  poolUse(): PoolUse
  /** Rejects when the database does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens no connection yet: the first statement does.
 * @param onError told of errors on idle connections, which the pool then replaces
 */
export function openDatabase(settings: DatabaseSettings, onError: (error: Error) => void): Database {
  const pool = new Pool({
    connectionString: settings.url,
    max: settings.poolSize,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    application_name: 'interaction-api',
    keepAlive: true,
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
      `-c statement_timeout=${settings.statementTimeoutMs}`,
      `-c lock_timeout=${settings.lockTimeoutMs}`,
    ].join(' '),
  })
  let isClosing = false
  // connections that are closed anyway may still hear that PostgreSQL stops
  pool.on('error', (error) => {
    if (!isClosing) onError(error)
  })
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    kysely,
    prepare<Parameters extends object, Row extends QueryResultRow>(
      name: string,
      compose: (parameters: Parameters) => CompiledQuery<Row>,
    ) {
      const { sql, parameters } = compose(parameterNames<Parameters>())
      const names = [...new Set(parameters as (keyof Parameters)[])]
      // a member that the statement names twice is sent once
      const text = sql.replace(/\$(\d+)/g, (_, number) => {
        const name = parameters[Number(number) - 1] as keyof Parameters
        return `$${names.indexOf(name) + 1}`
      })
      return async (values: Parameters) => {
        const { rows } = await pool.query<Row>({ name, text, values: names.map((key) => values[key]) })
        return rows
      }
    },
    poolUse: () => ({
      idle: pool.idleCount,
      busy: pool.totalCount - pool.idleCount,
      waiting: pool.waitingCount,
      limit: settings.poolSize,
    }),
    ping: async () => void (await pool.query('select')),
    close() {
      isClosing = true
      return pool.end()
    },
  }
}

/** What JavaScript has no exact value for; int8 and numeric are texts by themselves. */
const stayText = new Set<number>([types.builtins.JSON, types.builtins.TIMESTAMPTZ])
const keepText = (text: string) => text

/** Stands in for the parameters while a statement is compiled: each member is its own name. */
function parameterNames<Parameters extends object>(): Parameters {
  return new Proxy({} as Parameters, { get: (_target, name) => name })
}
