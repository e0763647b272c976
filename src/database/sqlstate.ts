// What an SQLSTATE means to the service (PostgreSQL documentation, appendix A), so that nobody matches messages.

export type DatabaseFailure =
  /** no connection, server starting or stopping, out of connections, in recovery: later, it may work */
  | 'unavailable'
  /** the statement or a lock took longer than it may */
  | 'timeout'
  /** lost against a concurrent transaction: at once, it may work */
  | 'conflict'
  /** a value that PostgreSQL's text or json cannot hold */
  | 'unstorable'

/** There was no connection for the statement in time, so that it cannot have had any effect. */
export class NotSentError extends Error {
  /** @param cause why there was none; without one, too many waited */
  constructor(cause?: unknown) {
    super('no connection to the database', { cause })
  }
}

/** What a failure of the database means; undefined when the error is no known failure, but a bug. */
export function databaseFailure(error: unknown): DatabaseFailure | undefined {
  if (error instanceof NotSentError)
    return error.cause === undefined ? 'unavailable' : databaseFailure(error.cause)
  if (!(error instanceof Error)) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(40001|40P01)$/.test(code)) return 'conflict'
  if (/^(57014|55P03)$/.test(code)) return 'timeout'
  if (/^(22021|22P02|22P05|22P06|54001)$/.test(code)) return 'unstorable'
  if (/^(08...|57P0[1-5]|25006|53...|58...)$/.test(code)) return 'unavailable'
  if (/^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code))
    return 'unavailable'
  return isDriverFailure(error) ? 'unavailable' : undefined
}

/**
 * Whether the statement did nothing since it met a lock that was held for too long, or since the one that was to
 * prepare it, before it on its connection, did.
 */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '26000')
}

/** Whether the statement did nothing since there is a row of that key already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}

/** Whether the database may soon answer what it just did not. A statement that took too long would again. */
export function isTransient(error: unknown): boolean {
  const failure = databaseFailure(error)
  return failure === 'unavailable' || failure === 'conflict'
}

/** Whether the statement failed by the server's word, after which the connection is as good as before. */
export function keepsConnection(error: unknown): boolean {
  const failure = databaseFailure(error)
  return isDuplicate(error) || (failure !== undefined && failure !== 'unavailable')
}

/** Whether a statement may have had its effect all the same: it was sent, and what became of it is not known. */
export function isAmbiguous(error: unknown): boolean {
  return !(error instanceof NotSentError) && databaseFailure(error) === 'unavailable'
}

/** node-postgres names these by their message alone. */
function isDriverFailure(error: Error): boolean {
  return /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout)/.test(
    error.message,
  )
}
