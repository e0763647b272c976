// Classifies errors of the database by SQLSTATE (PostgreSQL documentation, appendix A).

export type DatabaseFailure =
  /** no connection, server starting or stopping, out of connections, not migrated: a later attempt may succeed */
  | 'unavailable'
  /** the database takes no writes: it is a standby, or configured so. The statement had no effect. */
  | 'read-only'
  /** the statement timeout or the lock timeout was exceeded */
  | 'timeout'
  /** a serialization failure or a deadlock: an immediate retry may succeed */
  | 'conflict'
  /** PostgreSQL's text or json cannot hold a value */
  | 'unstorable'

/** No connection was available in time: the statement was not sent, and had no effect. */
export class NotSentError extends Error {
  /** @param cause why connecting failed; undefined: too many statements waited */
  constructor(cause?: unknown) {
    super('no connection to the database', { cause })
  }
}

/** The database is a follower's, and takes no writes: the statement was not sent. */
export class ReadOnlyError extends Error {
  constructor() {
    super('the database is read-only')
  }
}

/** No host of the list can be reached, or none has the sessions that are wanted. */
export class NoHostError extends Error {}

/** The database takes no writes, and lacks migrations, which its primary may yet apply. */
export class NotMigratedError extends Error {}

/** The caller gave up before the statement was sent. */
export class AbandonedError extends Error {
  constructor() {
    super('the statement was abandoned')
  }
}

/** The SQLSTATE of a write on a standby, or in a session with default_transaction_read_only. */
const readOnlyTransaction = '25006'

/** Returns the kind of a database failure; undefined for any other error, which is a bug. */
export function databaseFailure(error: unknown): DatabaseFailure | undefined {
  if (error instanceof NoHostError || error instanceof NotMigratedError) return 'unavailable'
  if (error instanceof AbandonedError) return 'timeout'
  if (error instanceof ReadOnlyError) return 'read-only'
  if (!(error instanceof Error)) return undefined
  if (error.cause !== undefined) return databaseFailure(error.cause)
  if (error instanceof NotSentError) return 'unavailable'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(40001|40P01)$/.test(code)) return 'conflict'
  if (/^(57014|55P03)$/.test(code)) return 'timeout'
  if (/^(22021|22P02|22P05|22P06|54001)$/.test(code)) return 'unstorable'
  if (code === readOnlyTransaction) return 'read-only'
  if (/^(08...|57P0[1-5]|53...|58...)$/.test(code)) return 'unavailable'
  if (/^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code))
    return 'unavailable'
  return isDriverFailure(error) || isLostMachine(error, code) ? 'unavailable' : undefined
}

/**
 * Whether a statement on a shared connection was not run because of a lock timeout (55P03): its own, or that of the
 * earlier statement that was to prepare it (26000, no prepared statement of that name).
 */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '26000')
}

/** Whether a statement was ended because it took too long, or because its caller gave up. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '57014'
}

/** Whether a row with the same key exists already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}

/** Whether PostgreSQL refused a write because it takes none. */
export function isReadOnlyFailure(error: unknown): boolean {
  return databaseFailure(error) === 'read-only' && !(error instanceof ReadOnlyError)
}

/**
 * Whether a retry may succeed soon. It would not after a timeout. In a failover a new connection may find the primary
 * that takes writes.
 */
export function isTransient(error: unknown): boolean {
  const failure = databaseFailure(error)
  return failure === 'unavailable' || failure === 'conflict' || isReadOnlyFailure(error)
}

/**
 * Whether PostgreSQL reported the error itself, so that the connection can still be used. One to a standby is replaced:
 * another server may be the primary by now. One to a coordinator is kept when the machine behind it is unreachable.
 */
export function keepsConnection(error: unknown): boolean {
  const failure = databaseFailure(error)
  const isLost = failure === undefined || failure === 'unavailable' || failure === 'read-only'
  return isDuplicate(error) || isUnreachedMachine(error) || !isLost
}

/** Whether the statement was sent and its outcome is unknown: it may have been applied. */
export function isAmbiguous(error: unknown): boolean {
  const isUnsent = error instanceof NotSentError || isUnreachedMachine(error)
  return !isUnsent && databaseFailure(error) === 'unavailable'
}

/** Whether Citus got no connection to another machine, so that nothing was sent there. */
function isUnreachedMachine(error: unknown): boolean {
  return error instanceof Error && unreachedMachineMessage.test(error.message)
}

/** The same SQLSTATE (08006) as that of a connection that was lost while the statement ran; only this tells. */
const unreachedMachineMessage =
  /^(could not establish any connections to the node|connection to the remote node .+ failed with the following error: (Connection refused|FATAL: +(the database system is|sorry, too many clients)))/

/**
 * Whether Citus lost the connection to another machine, for which it has no SQLSTATE of its own: in a transaction, or, with
 * the message of libpq, while a statement was running there.
 */
function isLostMachine({ message }: Error, code: string): boolean {
  return code === 'XX000' && lostMachineMessage.test(message)
}

const lostMachineMessage =
  /^(failure on connection marked as essential|connection to the remote node|SSL SYSCALL error|SSL connection has been closed|server closed the connection|could not (receive|send) data)/

/** Whether this is a connection error of pg, which only the message identifies. */
function isDriverFailure(error: Error): boolean {
  return /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout)/.test(
    error.message,
  )
}
