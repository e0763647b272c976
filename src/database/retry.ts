// Tries again what failed in passing: the database was restarted, a connection was lost, two transactions collided.
import pRetry from 'p-retry'
import { isTransient } from './sqlstate.ts'

/** less than this is no time to try again in */
const firstPauseMs = 10

/**
 * Runs what may be run any number of times, until it succeeds: the second time at once, then after pauses that double
 * and vary, so that callers who failed together do not come back together.
 * @param retryTimeoutMs for how long; what runs by then is awaited
 * @param mayRepeat whether to try again after that error
 * @throws the last error
 */
export async function retry<Answer>(
  attempt: () => Promise<Answer>,
  retryTimeoutMs: number,
  mayRepeat: (error: unknown) => boolean = isTransient,
): Promise<Answer> {
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
