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
  const repeated = repeat(attempt, timeoutMs, (error) => {
    lastError = error
    return mayRepeat(error)
  })
  return await withTimeout(repeated, timeoutMs, () => lastError)
}

/**
 * Waits for work for a limited time, in milliseconds. Work that takes longer goes on, and its result is ignored.
 * @throws what `failure` returns when the time is over
 */
export async function withTimeout<Result>(
  work: Promise<Result>,
  timeoutMs: number,
  failure: () => unknown,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failure()), timeoutMs)
  })
  return await Promise.race([work, timeout]).finally(() => clearTimeout(timer))
}

export interface WaitOptions {
  /** how long to wait after the first failure, in milliseconds; an attempt that is running by then is awaited */
  readonly timeoutMs: number
  /** ends the wait */
  readonly signal?: AbortSignal | undefined
  /** called when the wait begins, with the reason */
  readonly onWait: (error: unknown) => void
}

/** Returns a function that runs a step, however long it takes, and repeats it while the database is unavailable. */
export function waitWhileUnavailable({
  timeoutMs,
  signal,
  onWait,
}: WaitOptions): <Result>(step: () => Promise<Result>) => Promise<Result> {
  return async (step) => {
    try {
      return await step()
    } catch (error) {
      if (!isTransient(error)) throw error
      onWait(error)
    }
    return await repeat(step, timeoutMs, isTransient, signal)
  }
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
