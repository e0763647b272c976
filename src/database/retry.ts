// Retries after transient failures: a database restart, a failover, a lost connection, a conflict of two transactions.
import pRetry from 'p-retry'
import { isTransient } from './sqlstate.ts'

/** The first pause, in milliseconds; with less time left, a call is not retried. */
const firstPauseMs = 10

/**
 * Runs an idempotent function until it succeeds. Retries immediately first, then after pauses that double up to 400 ms;
 * they are randomized, so that callers that failed together do not retry together.
 * @param retryTimeoutMs how long to retry, in milliseconds. The first attempt is awaited however long it takes; a later
 *   one that is still running by then is abandoned, and may yet have an effect.
 * @param mayRepeat whether to retry after an error; by default, after transient ones
 * @throws the error of the last attempt that has ended
 */
export async function retry<Result>(
  attempt: () => Promise<Result>,
  retryTimeoutMs: number,
  mayRepeat: (error: unknown) => boolean = isTransient,
): Promise<Result> {
  const began = performance.now()
  let lastError: unknown
  try {
    return await attempt()
  } catch (error) {
    lastError = error
  }
  const timeoutMs = retryTimeoutMs - (performance.now() - began)
  if (timeoutMs < firstPauseMs || !mayRepeat(lastError)) throw lastError
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lastError), timeoutMs)
  })
  const repeated = repeat(attempt, timeoutMs, (error) => {
    lastError = error
    return mayRepeat(error)
  })
  return await Promise.race([repeated, timeout]).finally(() => clearTimeout(timer))
}

export interface RepeatOptions {
  /** no attempt starts later than this, in milliseconds; a running one is awaited */
  readonly timeoutMs: number
  /** ends the wait */
  readonly signal?: AbortSignal | undefined
  /** called once, with the first error after which a step is repeated */
  readonly onWait: (error: unknown) => void
}

/** Returns a function that repeats a step, however long it takes, until the database is available. */
export function repeatWhileUnavailable({
  timeoutMs,
  signal,
  onWait,
}: RepeatOptions): <Result>(step: () => Promise<Result>) => Promise<Result> {
  let isWaiting = false
  const mayRepeat = (error: unknown) => {
    if (!isTransient(error)) return false
    if (!isWaiting) onWait(error)
    isWaiting = true
    return true
  }
  return (step) => repeat(step, timeoutMs, mayRepeat, signal)
}

function repeat<Result>(
  attempt: () => Promise<Result>,
  timeoutMs: number,
  mayRepeat: (error: unknown) => boolean,
  signal?: AbortSignal,
): Promise<Result> {
  return pRetry(attempt, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: firstPauseMs,
    maxTimeout: 400,
    randomize: true,
    maxRetryTime: timeoutMs,
    shouldRetry: ({ error }) => mayRepeat(error),
    ...(signal && { signal }),
  })
}
