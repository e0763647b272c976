// One connection that brief statements share: each is sent behind those under way, and answered in its turn.
import type { PoolClient, QueryConfig, QueryResultRow } from 'pg'
import { openPool, overdueMs, type PoolSettings, runOn } from './pool.ts'
import { NotSentError } from './sqlstate.ts'

export interface SharedConnection {
  /** Whether answers come at the pace of brief statements. Otherwise one of them is not brief, and others would wait for it. */
  isResponsive(): boolean
  /**
   * Rejects with NotSentError when there is no connection, and with what `isLockTimeout` tells when it meets a lock that is
   * held for longer than others should wait behind it. When the connection is lost, so are all statements under way.
   */
  run<Row extends QueryResultRow>(statement: QueryConfig): Promise<Row[]>
  /** Waits for what is under way. */
  close(): Promise<void>
}

/** How long a statement may wait for a lock, in milliseconds, while others wait behind it. */
const lockedMs = 100

/** For how long no answer may come while one is due, until it is told that they do not flow. */
const paceMs = 20

/**
 * Opens no connection yet: the first statement does, and the first one after a loss. A connection that owes an answer
 * for longer than a statement may take is cut, as those of the pool are.
 * @param onError told of errors on the idle connection, which is then replaced
 */
export function openSharedConnection(
  settings: PoolSettings,
  onError: (error: Error) => void,
): SharedConnection {
  const lockTimeoutMs = Math.min(lockedMs, settings.lockTimeoutMs)
  const pool = openPool({ ...settings, lockTimeoutMs, poolSize: 1, isShared: true }, onError)
  let shared: PoolClient | undefined
  let connecting: Promise<PoolClient> | undefined
  let underWay = 0
  let lastAnswerAt = 0
  const limitMs = overdueMs(settings)
  // one for all statements: for each of its own, twice as much would be kept alive
  const overdue = limitMs === undefined ? undefined : setTimeout(cut, limitMs).unref()

  function connect(): Promise<PoolClient> {
    connecting ??= pool
      .connect()
      .then((client) => {
        client.once('end', () => leave(client))
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

  function leave(client: PoolClient): void {
    if (client !== shared) return
    shared = undefined
    client.release(true)
  }

  function cut(): void {
    if (underWay > 0) shared?.connection.stream.destroy()
  }

  function noteProgress(): void {
    lastAnswerAt = performance.now()
    overdue?.refresh()
  }

  function send<Row extends QueryResultRow>(client: PoolClient, statement: QueryConfig): Promise<Row[]> {
    if (underWay === 0) noteProgress()
    underWay++
    const onEnd = (isUsable: boolean) => {
      underWay--
      noteProgress()
      if (!isUsable) leave(client)
    }
    return new Promise((resolve, reject) => runOn<Row>(client, statement, onEnd, resolve, reject))
  }

  return {
    isResponsive: () => underWay === 0 || performance.now() - lastAnswerAt < paceMs,
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
