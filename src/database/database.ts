// Opens the database: a pool of connections, and Kysely on top of it. Whoever opens it closes it.
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { Pool, type QueryResultRow } from 'pg'
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
    // PostgreSQL's default price of 4 for a random page is that of a spinning disk: it would turn deep pages and
    // selective filters into sequential scans.
    options: [
      '-c TimeZone=UTC',
      '-c random_page_cost=1.1',
      `-c statement_timeout=${settings.statementTimeoutMs}`,
      `-c lock_timeout=${settings.lockTimeoutMs}`,
    ].join(' '),
  })
  pool.on('error', onError)
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
    ping: async () => void (await pool.query('select')),
    close: () => pool.end(),
  }
}

/** Stands in for the parameters while a statement is compiled: each member is its own name. */
function parameterNames<Parameters extends object>(): Parameters {
  return new Proxy({} as Parameters, { get: (_target, name) => name })
}
