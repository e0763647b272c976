// All SQL on interactions, one statement a function; the search, composed anew for each request, is in search.ts.
import { sql } from 'kysely'
import { gather } from '../database/batches.ts'
import type { Database } from '../database/database.ts'
import type { Criteria } from './criteria.ts'
import type { Pageable } from './page.ts'
import { dataColumn, type InteractionRow, rowColumns } from './row.ts'
import { prepareSearch, type SearchResult } from './search.ts'

export interface NewInteraction {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  readonly type: string | undefined
  /** the JSON text of an object */
  readonly data: string
}

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

export interface InteractionRepository {
  /** @returns undefined when there is none of that id in any organization */
  find(id: string): Promise<InteractionRow | undefined>
  /** The interactions of these ids, in their order; undefined where there is none. */
  findAll(ids: readonly string[]): Promise<readonly (InteractionRow | undefined)[]>
  /** Stores a new interaction with version 0, unless its id is taken in any organization. */
  create(interaction: NewInteraction): Promise<'created' | 'duplicate'>
  /**
   * Applies an update in one statement: of any number at once with the same version, one is applied. What gives
   * `type` or `data` adds 1 to the version; what gives neither changes nothing, but is checked all the same.
   */
  update(update: InteractionUpdate): Promise<'updated' | 'missing' | 'foreign' | 'stale'>
  /** One page of what matches, and the exact number of all that do. */
  search(criteria: Criteria, pageable: Pageable): Promise<SearchResult>
}

const reads = { atOnce: 2, most: 100 } as const
const writes = { atOnce: 2, most: 100 } as const

/** Compiles the statements; they run when the functions are called. */
export function interactionRepository(database: Database): InteractionRepository {
  const { kysely } = database

  const select = database.prepare('find_interactions', ({ ids }: { ids: readonly string[] }) =>
    kysely
      .selectFrom('interactions as interaction')
      .select([...rowColumns, dataColumn])
      .where('id', '=', sql<string>`any(${ids}::text[])`)
      .compile(),
  )
  const findAll = async (ids: readonly string[]) => {
    const rows = new Map((await select({ ids })).map((row) => [row.id, row]))
    return ids.map((id) => rows.get(id))
  }

  const createAll = database.prepare('create_interactions', ({ interactions }: { interactions: string }) =>
    sql<{ id: string }>`
      insert into interactions (id, organization_id, created_by, type, data)
      select id, "organizationId", "createdBy", type, data
      from json_to_recordset(${interactions}::json)
        as given (id text, "organizationId" text, "createdBy" text, type text, data json)
      on conflict (id) do nothing
      returning id`.compile(kysely),
  )
  const create = gather(async (interactions: readonly NewInteraction[]) => {
    // in one order everywhere, so that batches with the same ids wait for each other instead of locking each other out
    const inOrder = interactions.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    const created = new Set((await createAll({ interactions: toJson(inOrder) })).map(({ id }) => id))
    // of several of one id, the first was created
    return interactions.map(({ id }) => (created.delete(id) ? 'created' : 'duplicate'))
  }, writes)

  const update = database.prepare('update_interaction', (given: InteractionUpdate) =>
    sql<{ updated: boolean; is_foreign: boolean; is_current: boolean }>`
      with target as (
        select id, organization_id, version from interactions where id = ${given.id}
      ), updated as (
        update interactions as interaction
        set type = coalesce(${given.type}::text, interaction.type),
            data = coalesce(${given.data}::json, interaction.data),
            version = interaction.version + 1
        from target
        where interaction.id = target.id
          and (interaction.organization_id = ${given.organizationId}::text or ${given.organizationId}::text is null)
          and (interaction.version = ${given.version}::bigint or ${given.version}::bigint is null)
          and (${given.type}::text is not null or ${given.data}::json is not null)
        returning interaction.id
      )
      select exists (select from updated) as updated,
             coalesce(organization_id <> ${given.organizationId}::text, false) as is_foreign,
             coalesce(version = ${given.version}::bigint, true) as is_current
      from target`.compile(kysely),
  )

  return {
    find: gather(findAll, reads),
    findAll,
    create,
    async update(given) {
      const [target] = await update(given)
      if (target === undefined) return 'missing'
      if (target.is_foreign) return 'foreign'
      if (target.updated) return 'updated'
      if (given.type === undefined && given.data === undefined) return target.is_current ? 'updated' : 'stale'
      // Without a version, nothing but the row's disappearance meanwhile can have kept it from being updated.
      return given.version === undefined ? 'missing' : 'stale'
    },
    search: prepareSearch(database),
  }
}

/** `data` stands in the text as it was given, and PostgreSQL takes it out as it stands there. */
function toJson(interactions: readonly NewInteraction[]): string {
  const objects = interactions.map(
    ({ data, ...rest }) => `${JSON.stringify(rest).slice(0, -1)},"data":${data}}`,
  )
  return `[${objects.join(',')}]`
}
