// Whether the database takes writes. A standby does not, until it is promoted; in a failover no server does for a while.
import { isReadOnlyFailure, NotSentError, ReadOnlyError } from './sqlstate.ts'

export interface Writability {
  /** Asks the database whether it takes no writes at the moment. */
  isReadOnly(): Promise<boolean>
  /**
   * Returns a write that is refused at once while the database is a follower's. It counts as one when it has been
   * read-only for as long as writes are retried, or was found so first: a failover is over by then.
   * @returns a function that rejects with ReadOnlyError, without running the write, on such a database
   */
  guard<Parameters extends readonly unknown[], Result>(
    write: (...parameters: Parameters) => Promise<Result>,
  ): (...parameters: Parameters) => Promise<Result>
}

/** @param ask returns whether the database is read-only at the moment */
export function trackWritability(ask: () => Promise<boolean>, retryTimeoutMs: number): Writability {
  /** on the clock of `performance.now()`; undefined when the last sign was that it takes writes */
  let readOnlySince: number | undefined = Number.NEGATIVE_INFINITY

  function record(isReadOnly: boolean): boolean {
    readOnlySince = isReadOnly ? (readOnlySince ?? performance.now()) : undefined
    return isReadOnly
  }

  async function isFollower(): Promise<boolean> {
    if (readOnlySince === undefined || performance.now() - readOnlySince < retryTimeoutMs) return false
    return await ask().then(record, (cause: unknown) => {
      throw new NotSentError(cause)
    })
  }

  return {
    isReadOnly: () => ask().then(record),
    guard:
      (write) =>
      async (...parameters) => {
        if (await isFollower()) throw new ReadOnlyError()
        try {
          const result = await write(...parameters)
          record(false)
          return result
        } catch (error) {
          if (isReadOnlyFailure(error)) record(true)
          throw error
        }
      },
  }
}
