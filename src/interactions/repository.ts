// The SQL on interactions, one statement a function. Creations are in creation.ts; the search, composed anew for each
// request, in search.ts.
import { sql } from 'kysely'
import { batch, inOrder } from '../database/batches.ts'
import type { Database, SharedConnectionName } from '../database/database.ts'
import { joinJson, splitJson } from '../database/json-list.ts'
import { type DataLists, type NewInteraction, prepareCreate } from './sql/insert.ts'
import { type InteractionRow, promotedColumns, rowColumns } from './sql/rows.ts'
import { prepareSearch, type Search, type SearchOptions } from './sql/search.ts'

export interface InteractionUpdate {
  readonly id: string
  /** only when it belongs to this one; undefined: whichever it belongs to */
  readonly organizationId: string | undefined
  /** undefined: stays as it is */
  readonly type: string | undefined
  /** the JSON text of an object; undefined: stays as it is */
  readonly data: string | undefined
  /** only when this is the current one; undefined: whichever is */
  readonly version: bigint | undefined
}

/** `foreign`: it belongs to another organization; `stale`: its version is another */
export type UpdateOutcome = 'updated' | 'missing' | 'foreign' | 'stale'

export interface InteractionRepository extends Search {
  /** @returns undefined when there is none of that id in any organization */
  find(id: string): Promise<InteractionRow | undefined>
  /** The interactions of these ids, in their order; undefined where there is none. */
  findAll(ids: readonly string[]): Promise<readonly (InteractionRow | undefined)[]>
  /** Stores a new interaction with version 0, unless its id is taken in any organization. */
  create(interaction: NewInteraction): Promise<'created' | 'duplicate'>
  /**
   * Applies an update in one statement, comparing and writing at once: of any number at once with the same version,
   * one is applied. What gives `type` or `data` adds 1 to the version; what gives neither changes nothing, but is
   * checked all the same.
   */
  update(update: InteractionUpdate): Promise<UpdateOutcome>
}

/** Compiles the statements; they run when the functions are called. */
export function interactionRepository(database: Database, options: SearchOptions): InteractionRepository {
  const { kysely, retryTimeoutMs } = database
  const reads = { concurrency: 4, maxSize: 16, retryTimeoutMs } as const
  const writes = { concurrency: 3, maxSize: 100, retryTimeoutMs } as const

  const findSome = (name: string, options?: { readonly shares: SharedConnectionName }) => {
    const select = database.prepare(
      name,
      ({ ids }: { ids: readonly string[] }) =>
        kysely
          .selectFrom('interactions')
          .select([...rowColumns, 'data'])
          .where('id', '=', sql<string>`any(${ids}::text[])`)
          .compile(),
      options,
    )
    return async (ids: readonly string[]) => {
      const rows = new Map((await select({ ids })).map((row) => [row.id, row]))
      return ids.map((id) => rows.get(id))
    }
  }

  const updateAll = database.prepare(
    'update_interactions',
    (given: DataLists<InteractionUpdate>) =>
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
             coalesce(target.organization_id <> given.organization_id, false) as is_foreign,
             coalesce(target.version = given.version, true) as is_current
      from target join given on given.id = target.id`.compile(kysely),
    { shares: 'writes' },
  )
  const updateTogether = batch(async (updates: readonly InteractionUpdate[]) => {
    // a statement updates a row once, so that further updates of it are left to the next ones
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
  }, writes)

  return {
    find: batch(findSome('find_interactions', { shares: 'reads' }), reads),
    // those of a large page, which may take long
    findAll: findSome('find_page_data'),
    create: prepareCreate(database, writes),
    async update(given) {
      for (;;) {
        const outcome = await updateTogether(given)
        if (outcome !== 'again') return outcome
      }
    },
    ...prepareSearch(database, options),
  }
}

interface UpdateRow {
  readonly id: string
  readonly updated: boolean
  readonly is_foreign: boolean
  readonly is_current: boolean
}

function outcomeOf(given: InteractionUpdate, target: UpdateRow | undefined): UpdateOutcome {
  if (target === undefined) return 'missing'
  if (target.is_foreign) return 'foreign'
  if (target.updated) return 'updated'
  if (given.type === undefined && given.data === undefined) return target.is_current ? 'updated' : 'stale'
  // Without a version, nothing but the row's disappearance meanwhile can have kept it from being updated.
  return given.version === undefined ? 'missing' : 'stale'
}
