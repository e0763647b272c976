// The repository for a database that restarts and loses connections: what is answered is certain, or said not to be.
import { retry } from '../database/retry.ts'
import { isAmbiguous, isTransient } from '../database/sqlstate.ts'
import { Problem } from '../http/problem.ts'
import type { InteractionRepository, InteractionUpdate, UpdateOutcome } from './repository.ts'
import type { NewInteraction } from './sql/insert.ts'
import type { InteractionRow } from './sql/rows.ts'

/**
 * Tries again what fails in passing. A write whose answer was lost may have been applied: it is sent again where
 * sending it twice applies it once, and when it is refused then, what is stored tells whether it was by itself.
 * @param retryTimeoutMs for how long each call tries again
 * @returns a repository whose writes reject with Problem 503 when what is stored does not tell
 */
export function resilientRepository(
  repository: InteractionRepository,
  retryTimeoutMs: number,
): InteractionRepository {
  return {
    ...repository,
    find: (id) => retry(() => repository.find(id), retryTimeoutMs),
    findAll: (ids) => retry(() => repository.findAll(ids), retryTimeoutMs),
    search: (criteria, pageable) => retry(() => repository.search(criteria, pageable), retryTimeoutMs),
    create: (given) =>
      untilCertain(
        () => repository.create(given),
        'duplicate',
        async () => judgeCreation(given, await repository.find(given.id)),
      ),
    update(given) {
      const attempt = () => repository.update(given)
      const { type, data, version } = given
      if (type === undefined && data === undefined) return retry(attempt, retryTimeoutMs)
      // sent twice, it might be applied twice
      if (version === undefined)
        return retry(attempt, retryTimeoutMs, (error) => isTransient(error) && !isAmbiguous(error))
      return untilCertain(attempt, 'stale', async () =>
        judgeUpdate(given, version, await repository.find(given.id)),
      )
    },
  }

  /** @param refusal the outcome which, after a lost answer, may be due to the write itself */
  function untilCertain<Outcome>(
    attempt: () => Promise<Outcome>,
    refusal: Outcome,
    judge: () => Promise<Outcome>,
  ): Promise<Outcome> {
    let inDoubt = false
    return retry(async () => {
      try {
        const outcome = await attempt()
        if (outcome !== refusal || !inDoubt) return outcome
      } catch (error) {
        inDoubt ||= isAmbiguous(error)
        throw error
      }
      return judge()
    }, retryTimeoutMs)
  }
}

function judgeCreation(given: NewInteraction, stored: InteractionRow | undefined): 'created' | 'duplicate' {
  const isOfSameCaller =
    stored?.organization_id === given.organizationId && stored.created_by === given.createdBy
  if (!isOfSameCaller) return 'duplicate'
  if (stored.version !== '0') throw uncertain()
  return stored.type === (given.type ?? null) && stored.data === given.data ? 'created' : 'duplicate'
}

function judgeUpdate(
  given: InteractionUpdate,
  version: bigint,
  stored: InteractionRow | undefined,
): UpdateOutcome {
  if (stored === undefined) return 'missing'
  if (BigInt(stored.version) > version + 1n) throw uncertain()
  const isOurs =
    BigInt(stored.version) === version + 1n &&
    (given.type ?? stored.type) === stored.type &&
    (given.data ?? stored.data) === stored.data
  return isOurs ? 'updated' : 'stale'
}

function uncertain(): Problem {
  return new Problem(
    'unavailable',
    'The database was lost meanwhile, and others have written since: whether this was applied is not known.',
    { 'retry-after': '1' },
  )
}
