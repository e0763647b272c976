// Updates, many in one statement that compares and writes at once.
import { sql } from 'kysely'
import { type BatchLimits, batch, inOrder } from '../../database/batches/batches.ts'
import { joinJson, splitJson } from '../../database/batches/json-list.ts'
import type { Database } from '../../database/database.ts'
import { type DataLists, inLanes, type WriteLane } from './insert.ts'
import { promotedColumns } from './rows.ts'

export interface InteractionUpdate {
  readonly id: string
  /** the organization that it must belong to; undefined: any */
  readonly organizationId: string | undefined
  /** undefined: unchanged */
  readonly type: string | undefined
  /** the JSON text of an object; undefined: unchanged */
  readonly data: string | undefined
  /** the version that it must have; undefined: any */
  readonly version: bigint | undefined
}

export type UpdateOutcome = 'updated' | 'missing' | 'other organization' | 'stale'

/** The row that an update names. */
export interface UpdateTarget {
  readonly is_of_other_organization: boolean
  readonly is_current: boolean
}

interface UpdateRow extends UpdateTarget {
  readonly id: string
  readonly updated: boolean
}

/** Prepares the update of interactions, which compares versions and writes in one statement. */
export function prepareUpdate(
  database: Database,
  limits: BatchLimits,
): (update: InteractionUpdate, holder: string) => Promise<UpdateOutcome> {
  const updateTogether = inLanes(limits, (lane) => prepareUpdates(database, lane))
  return async (update, holder) => {
    for (;;) {
      const outcome = await updateTogether(update, holder)
      if (outcome !== 'again') return outcome
    }
  }
}

function prepareUpdates(database: Database, { suffix, options, limits }: WriteLane) {
  const compose = (given: DataLists<InteractionUpdate>) =>
    sql<UpdateRow>`
      with given as materialized (
        select *
        from unnest(
            ${given.id}::text[], ${given.organizationId}::text[], ${given.type}::text[], ${splitJson(given.data)},
            ${given.version}::bigint[]
          ) as given (id, organization_id, type, data, version)
      ), target as materialized (
        select interaction.id, interaction.organization_id, interaction.version
        from given join interactions as interaction on interaction.id = given.id
      ), updated as (
        update interactions as interaction
        set type = coalesce(given.type, interaction.type),
            data = coalesce(given.data, interaction.data),
            version = interaction.version + 1,
            (${promotedColumns}) = (
              select ${promotedColumns} from promote_interaction(
                interaction.id, interaction.organization_id, coalesce(given.data, interaction.data)
              )
            )
        from given
        where interaction.id = given.id
          and (interaction.organization_id = given.organization_id or given.organization_id is null)
          and (interaction.version = given.version or given.version is null)
          and (given.type is not null or given.data is not null)
        returning interaction.id
      )
      select target.id,
             exists (select from updated where updated.id = target.id) as updated,
             coalesce(target.organization_id <> given.organization_id, false) as is_of_other_organization,
             coalesce(target.version = given.version, true) as is_current
      from target join given on given.id = target.id`.compile(database.kysely)
  const updateAll = database.prepare(`update_interactions${suffix}`, compose, options)
  return batch(async (updates: readonly InteractionUpdate[]) => {
    // a statement updates a row once: further updates of it wait for the next batch
    const firsts = new Map<string, InteractionUpdate>()
    for (const one of updates) if (!firsts.has(one.id)) firsts.set(one.id, one)
    const rows = inOrder([...firsts.values()])
    const targets = await updateAll({
      id: rows.map(({ id }) => id),
      organizationId: rows.map(({ organizationId }) => organizationId),
      type: rows.map(({ type }) => type),
      data: joinJson(rows.map(({ data }) => data)),
      version: rows.map(({ version }) => version),
    })
    const targetOf = new Map(targets.map((target) => [target.id, target]))
    return updates.map((one) => (firsts.get(one.id) === one ? outcomeOf(one, targetOf.get(one.id)) : 'again'))
  }, limits)
}

export function outcomeOf(
  given: InteractionUpdate,
  target: Omit<UpdateRow, 'id'> | undefined,
): UpdateOutcome {
  if (target === undefined) return 'missing'
  if (target.is_of_other_organization) return 'other organization'
  if (target.updated) return 'updated'
  if (given.type === undefined && given.data === undefined) return target.is_current ? 'updated' : 'stale'
  // Without a version, only the removal of the row in the meantime can have prevented the update.
  return given.version === undefined ? 'missing' : 'stale'
}
