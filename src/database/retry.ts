// Retries after transient failures: a database restart, a lost connection, a conflict of two transactions.
import pRetry from 'p-retry'
import { isTransient } from './sqlstate.ts'

/** The first pause, in milliseconds; with less time left, a call is not retried. */
const firstPauseMs = 10

/**
 * Runs an idempotent function until it succeeds. Retries immediately first, then after pauses that double up to 400 ms;
 * they are randomized, so that callers that failed together do not retry together.
 * @param retryTimeoutMs no attempt starts later than this, in milliseconds; a running one is awaited
 * @param mayRepeat whether to retry after an error; by default, after transient ones
 * @throws the error of the last attempt
 */
export async function retry<Result>(
  attempt: () => Promise<Result>,
  retryTimeoutMs: number,
  mayRepeat: (error: unknown) => boolean = isTransient,
): Promise<Result> {
  const began = performance.now()
  try {
    return await attempt()
  } catch (error) {
    const left = retryTimeoutMs - (performance.now() - began)
    if (left < firstPauseMs || !mayRepeat(error)) throw error
    return await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: firstPauseMs,
      maxTimeout: 400,
      randomize: true,
      maxRetryTime: left,
      shouldRetry: ({ error: again }) => mayRepeat(again),
    })
  }
}
