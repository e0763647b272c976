// Opens the database: its connections, and Kysely on top of them. Whoever opens it closes it.
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import type { QueryConfig, QueryResultRow } from 'pg'
import { openPool, type PoolSettings, runOn } from './pool.ts'
import { openSharedConnection } from './shared-connection.ts'
import { isLockTimeout, NotSentError } from './sqlstate.ts'
import type { Tables } from './tables.ts'

/** Numbers of connections, and of statements that wait for one. */
export interface PoolUse {
  readonly idle: number
  readonly busy: number
  readonly waiting: number
  /** how many connections there may be */
  readonly limit: number
}

/** Reads do not wait behind writes, each of which PostgreSQL flushes to its disk. */
export type SharedConnectionName = 'reads' | 'writes'

export interface Database {
  /** for statements that are composed anew for each request */
  readonly kysely: Kysely<Tables>
  /**
   * Compiles a statement once, to be run by name: PostgreSQL parses it once per connection, and plans it once when
   * plans for the parameters at hand prove no better.
   * @param name unique among the statements of the service
   * @param compose writes the statement, taking its parameters from the argument's members and from nowhere else
   * @param options.shares the connection that it shares with others, for a statement that touches little. They share
   *   it as long as they flow: PostgreSQL goes from one to the next without waiting for the service, which takes less
   *   work than a connection for each.
   * @returns a function that rejects with NotSentError when there is no connection
   */
  prepare<Parameters extends object, Row extends QueryResultRow>(
    name: string,
    compose: (parameters: Parameters) => CompiledQuery<Row>,
    options?: { readonly shares: SharedConnectionName },
  ): (parameters: Parameters) => Promise<Row[]>
  /** how long a caller waits for a connection, and for one that works, in milliseconds */
  readonly retryTimeoutMs: number
  /** How the connections are used at the moment. */
  poolUse(): PoolUse
  /** Rejects when the database does not answer. Needs no connection of those that statements wait for. */
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens no connection yet: the first statement does.
 * @param onError told of errors on idle connections, which are then replaced
 */
export function openDatabase(settings: PoolSettings, onError: (error: Error) => void): Database {
  let isClosing = false
  // connections that are closed anyway may still hear that PostgreSQL stops
  const onIdleError = (error: Error) => {
    if (!isClosing) onError(error)
  }
  const pool = openPool(settings, onIdleError)
  const { connectTimeoutMs } = settings
  const probes = openPool({ ...settings, poolSize: 1, statementTimeoutMs: connectTimeoutMs }, onIdleError)
  const sharedConnections = {
    reads: openSharedConnection(settings, onIdleError),
    writes: openSharedConnection(settings, onIdleError),
  }
  let probe: Promise<void> | undefined

  const runAlone = <Row extends QueryResultRow>(statement: QueryConfig) =>
    new Promise<Row[]>((resolve, reject) => {
      pool.connect((cause, client, release) => {
        if (client === undefined) return reject(new NotSentError(cause))
        runOn<Row>(client, statement, (isUsable) => release(!isUsable), resolve, reject)
      })
    })

  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    kysely,
    prepare<Parameters extends object, Row extends QueryResultRow>(
      name: string,
      compose: (parameters: Parameters) => CompiledQuery<Row>,
      options?: { readonly shares: SharedConnectionName },
    ) {
      const shared = options && sharedConnections[options.shares]
      const { sql, parameters } = compose(parameterNames<Parameters>())
      const names = [...new Set(parameters as (keyof Parameters)[])]
      // a member that the statement names twice is sent once
      const text = sql.replace(/\$(\d+)/g, (_, number) => {
        const name = parameters[Number(number) - 1] as keyof Parameters
        return `$${names.indexOf(name) + 1}`
      })
      return (values: Parameters) => {
        const statement = { name, text, values: names.map((key) => values[key]) }
        if (!shared?.isResponsive()) return runAlone<Row>(statement)
        return shared.run<Row>(statement).catch((error: unknown) => {
          if (!isLockTimeout(error)) throw error
          return runAlone<Row>(statement)
        })
      }
    },
    retryTimeoutMs: connectTimeoutMs,
    poolUse: () => ({
      idle: pool.idleCount,
      busy: pool.totalCount - pool.idleCount,
      waiting: pool.waitingCount,
      limit: settings.poolSize,
    }),
    ping() {
      // those who ask meanwhile get the same answer
      probe ??= probes
        .query('select')
        .then(() => {})
        .finally(() => {
          probe = undefined
        })
      return probe
    },
    async close() {
      isClosing = true
      await Promise.all([
        pool.end(),
        probes.end(),
        sharedConnections.reads.close(),
        sharedConnections.writes.close(),
      ])
    },
  }
}

/** Stands in for the parameters while a statement is compiled: each member is its own name. */
function parameterNames<Parameters extends object>(): Parameters {
  return new Proxy({} as Parameters, { get: (_target, name) => name })
}
