// One connection that short statements share: each is sent without waiting for the responses to those before it.
import type { PoolClient, QueryConfig, QueryResultRow } from 'pg'
import { openPool, overdueMs, type PoolSettings, runOn } from './pool.ts'
import { NotSentError } from './sqlstate.ts'
import type { StatementNames } from './statement-names.ts'

export interface SharedConnection {
  /** Whether a response arrived within the last 20 ms, or none is due. If not, statements would wait behind a long one. */
  isResponsive(): boolean
  /**
   * Runs a statement. When the connection is lost, all running statements reject.
   * @throws NotSentError when there is no connection
   * @throws an error for which `isLockTimeout` is true when the statement waits longer than 100 ms for a lock
   */
  run<Row extends QueryResultRow>(statement: QueryConfig): Promise<Row[]>
  /** Waits for running statements, then closes the connection. */
  close(): Promise<void>
}

/** How long a statement may wait for a lock, in milliseconds, since others wait behind it. */
const maximumLockTimeoutMs = 100

/** After how long without a response the connection counts as unresponsive, in milliseconds. */
const responsiveMs = 20

/**
 * Creates the connection without connecting: the first statement connects, and so does the first one after a loss.
 * Closes the connection when no response arrives for longer than `overdueMs` while statements are running.
 * @param onError receives errors of the idle connection, which is then replaced
 */
export function openSharedConnection(
  settings: PoolSettings,
  names: StatementNames,
  onError: (error: Error) => void,
): SharedConnection {
  const lockTimeoutMs = Math.min(maximumLockTimeoutMs, settings.lockTimeoutMs)
  const pool = openPool({ ...settings, lockTimeoutMs, poolSize: 1, isShared: true }, onError)
  let shared: PoolClient | undefined
  let connecting: Promise<PoolClient> | undefined
  let running = 0
  let lastProgressAt = 0
  const limitMs = overdueMs(settings)
  // one timer for all statements: a timer for each kept twice as much memory alive
  const overdue = limitMs === undefined ? undefined : setTimeout(closeOverdue, limitMs).unref()

  function connect(): Promise<PoolClient> {
    connecting ??= pool
      .connect()
      .then((client) => {
        client.once('end', () => discard(client))
        shared = client
        return client
      })
      .catch((cause: unknown) => {
        throw new NotSentError(cause)
      })
      .finally(() => {
        connecting = undefined
      })
    return connecting
  }

  function discard(client: PoolClient): void {
    if (client !== shared) return
    shared = undefined
    client.release(true)
  }

  function closeOverdue(): void {
    if (running > 0) shared?.connection.stream.destroy()
  }

  function recordProgress(): void {
    lastProgressAt = performance.now()
    overdue?.refresh()
  }

  function send<Row extends QueryResultRow>(client: PoolClient, statement: QueryConfig): Promise<Row[]> {
    if (running === 0) recordProgress()
    running++
    const onEnd = (isUsable: boolean) => {
      running--
      recordProgress()
      if (!isUsable) discard(client)
    }
    const named = names.toSend(client, statement)
    return new Promise((resolve, reject) => runOn<Row>(client, named, onEnd, resolve, reject))
  }

  return {
    isResponsive: () => running === 0 || performance.now() - lastProgressAt < responsiveMs,
    run: <Row extends QueryResultRow>(statement: QueryConfig) =>
      shared === undefined
        ? connect().then((client) => send<Row>(client, statement))
        : send<Row>(shared, statement),
    async close() {
      clearTimeout(overdue)
      shared?.release()
      shared = undefined
      await pool.end()
    },
  }
}
