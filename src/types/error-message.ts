// The message of an error for operators: in the log, and on standard error.

/** Returns the message of an error, followed by those of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Node reports a failure for each address of a host by an error without a message.
  const isUnnamed = error instanceof AggregateError && error.message === ''
  const message = isUnnamed ? error.errors.map(messageOf).join(', ') : error.message
  return error.cause === undefined ? message : `${message}: ${messageOf(error.cause)}`
}
