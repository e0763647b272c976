// Opens the database: a pool of connections, two shared ones, one for health checks, and Kysely on top of the pool.
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import type { Pool, QueryConfig, QueryResultRow } from 'pg'
import { compileOnce } from './compile-once.ts'
import { cancelAtLimit, openPool, type PoolSettings, runOn, type StatementLimits } from './pool.ts'
import { withTimeout } from './retry.ts'
import { isReadOnly, type ReadOnlyRow } from './session.ts'
import { openSharedConnection } from './shared-connection.ts'
import { AbandonedError, isLockTimeout, NotSentError } from './sqlstate.ts'
import { trackStatementNames, withComment } from './statement-names.ts'
import type { Tables } from './tables.ts'
import { trackWritability, type Writability } from './writability.ts'

/** How the connections of the pool are used at one moment. */
export interface PoolUse {
  readonly idle: number
  readonly busy: number
  /** statements that wait for a connection */
  readonly waiting: number
  /** the largest number of connections */
  readonly limit: number
}

/** Reads and writes have one each: a read must not wait for a write, which PostgreSQL flushes to disk. */
export type SharedConnectionName = 'reads' | 'writes'

export interface DatabaseSettings extends PoolSettings {
  /** how long a call may be retried after transient failures, in milliseconds; 0: not at all */
  readonly retryTimeoutMs: number
  /** Adds a comment to statements that run on connections of the pool, for the request that sends them. */
  readonly commentOn?: ((text: string) => string) | undefined
}

/** How long the database may take to answer a health check, in milliseconds. */
const probeTimeoutMs = 1500

export interface Database {
  /** Runs statements that are built anew for each request, on connections of the pool. */
  readonly kysely: Kysely<Tables>
  /**
   * Compiles a statement once and returns a function that runs it with given parameters. PostgreSQL parses a prepared
   * statement once for each connection, and plans it once unless plans for particular values prove better.
   * @param name unique among all prepared statements of the service; empty: parsed and planned each time
   * @param compose builds the statement; every parameter must be a member of the argument
   * @param options.shares the shared connection to run on, for statements that touch few rows. Sharing saves work:
   *   PostgreSQL goes from one statement to the next without waiting for the service. A statement runs on the pool
   *   instead while the shared connection does not respond, or when it meets a lock there.
   * @returns a function that rejects with NotSentError when it gets no connection within `connectTimeoutMs`. With limits
   *   the statement runs on the pool, and `isCancelled` is true of its error when one is reached.
   */
  prepare<Parameters extends object, Row extends QueryResultRow>(
    name: string,
    compose: (parameters: Parameters) => CompiledQuery<Row>,
    options?: { readonly shares: SharedConnectionName },
  ): (parameters: Parameters, limits?: StatementLimits) => Promise<Row[]>
  /** Frees a prepared statement on all connections. Its function still works, as one without a name. */
  discard(name: string): void
  /** how long a call is retried after transient failures, in milliseconds */
  readonly retryTimeoutMs: number
  /** how long a call waits for a connection, in milliseconds, and for the batch that it shares with others */
  readonly connectTimeoutMs: number
  /**
   * Whether the interactions are distributed over several machines. Every statement then runs on the pool: on a shared
   * connection it would wait for the machines of those before it.
   */
  readonly isDistributed: boolean
  /** Returns how the pool is used at the moment. */
  poolUse(): PoolUse
  /**
   * Resolves when the database answers, on a connection of its own: it succeeds also while the pool is exhausted.
   * Concurrent calls share one query.
   * @returns whether the database takes no writes
   * @throws Error when the database does not answer within 1.5 s, so that a health check has its answer within 2 s
   */
  ping(): Promise<{ readonly isReadOnly: boolean }>
  /** Returns a write that is refused at once on the database of a follower (see Writability). */
  readonly guardWrite: Writability['guard']
  /** Waits for running statements, then closes all connections. */
  close(): Promise<void>
}

/**
 * Creates the database without connecting: the first statement opens the first connection. The caller must close it.
 * @param onError receives errors of idle connections, which are then replaced; none while the database closes
 */
export function openDatabase(settings: DatabaseSettings, onError: (error: Error) => void): Database {
  let isClosing = false
  const onIdleError = (error: Error) => {
    if (!isClosing) onError(error)
  }
  const { connectTimeoutMs, retryTimeoutMs, isDistributed = false } = settings
  const pool = openPool(settings, onIdleError)
  const probeLimits = { connectTimeoutMs: probeTimeoutMs, statementTimeoutMs: probeTimeoutMs }
  const probes = openPool({ ...settings, ...probeLimits, poolSize: 1 }, onIdleError)
  const names = trackStatementNames()
  const sharedConnections = {
    reads: openSharedConnection(settings, names, onIdleError),
    writes: openSharedConnection(settings, names, onIdleError),
  }
  let currentProbe: Promise<boolean> | undefined
  const writability = trackWritability(() => {
    currentProbe ??= askWhetherReadOnly(probes).finally(() => {
      currentProbe = undefined
    })
    return currentProbe
  }, retryTimeoutMs)

  /** Runs a statement on a connection of the pool, which no other statement uses meanwhile. */
  const runOnPool = <Row extends QueryResultRow>(statement: QueryConfig, limits?: StatementLimits) => {
    const sent = withComment(statement, settings.commentOn)
    return new Promise<Row[]>((resolve, reject) => {
      pool.connect((cause, client, release) => {
        if (client === undefined) return reject(new NotSentError(cause))
        if (limits?.signal?.aborted) {
          release()
          return reject(new AbandonedError())
        }
        limits?.onSend?.()
        const endLimits = limits && cancelAtLimit(client, limits, settings)
        const onEnd = (isUsable: boolean) => {
          const cancelling = endLimits?.()
          if (cancelling === undefined) release(!isUsable)
          else void cancelling.then(() => release(!isUsable))
        }
        runOn<Row>(client, names.toSend(client, sent), onEnd, resolve, reject)
      })
    })
  }

  return {
    kysely: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    prepare<Parameters extends object, Row extends QueryResultRow>(
      name: string,
      compose: (parameters: Parameters) => CompiledQuery<Row>,
      options?: { readonly shares: SharedConnectionName },
    ) {
      const shared = options && !isDistributed ? sharedConnections[options.shares] : undefined
      const { text, members } = compileOnce(compose)
      if (name !== '') names.add(name)
      return (parameters: Parameters, limits?: StatementLimits) => {
        const statement = { name, text, values: members.map((member) => parameters[member]) }
        if (limits !== undefined || !shared?.isResponsive()) return runOnPool<Row>(statement, limits)
        return shared.run<Row>(statement).catch((error: unknown) => {
          if (!isLockTimeout(error)) throw error
          return runOnPool<Row>(statement)
        })
      }
    },
    discard: (name) => names.discard(name),
    retryTimeoutMs,
    connectTimeoutMs,
    isDistributed,
    poolUse: () => ({
      idle: pool.idleCount,
      busy: pool.totalCount - pool.idleCount,
      waiting: pool.waitingCount,
      limit: settings.poolSize,
    }),
    ping: async () => ({ isReadOnly: await writability.isReadOnly() }),
    guardWrite: writability.guard,
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

/**
 * Asks whether sessions are read-only. Rejects after `probeTimeoutMs`, also when the time goes to a new connection and to a
 * statement on it.
 */
async function askWhetherReadOnly(probes: Pool): Promise<boolean> {
  const asking = isReadOnly((text) => probes.query<ReadOnlyRow>(text))
  return await withTimeout(asking, probeTimeoutMs, () => new NotSentError())
}
