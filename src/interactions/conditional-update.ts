// An update that depends on the version which it finds, beyond what one statement can compare.
import type { Preconditions } from './preconditions.ts'
import type { InteractionRepository, InteractionUpdate, UpdateOutcome } from './repository.ts'

/**
 * Applies an update if its preconditions hold, and then if its version is the current one. Whatever they are, it is
 * the version which is compared as the row is written: one that was read before is given up, and read anew, when
 * another writer came between.
 * @returns `unmatched` when there is such an interaction, and the preconditions do not hold
 */
export async function updateConditionally(
  repository: Pick<InteractionRepository, 'find' | 'update'>,
  update: InteractionUpdate,
  { onlyVersion, ifMatch, ifNoneMatch }: Preconditions,
): Promise<UpdateOutcome | 'unmatched'> {
  if (onlyVersion !== undefined && (update.version ?? onlyVersion) === onlyVersion) {
    const outcome = await repository.update({ ...update, version: onlyVersion })
    return outcome === 'stale' ? 'unmatched' : outcome
  }
  for (;;) {
    const row = await repository.find(update.id)
    if (row === undefined) return 'missing'
    if (row.organization_id !== (update.organizationId ?? row.organization_id)) return 'foreign'
    if (!ifMatch(row.version) || !ifNoneMatch(row.version)) return 'unmatched'
    const version = BigInt(row.version)
    if (version !== (update.version ?? version)) return 'stale'
    const outcome = await repository.update({ ...update, version })
    if (outcome !== 'stale') return outcome
  }
}
