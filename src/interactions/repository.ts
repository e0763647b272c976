// All SQL on interactions, one statement a function; the search, composed anew for each request, is in search.ts.
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Criteria } from './criteria.ts'
import type { Pageable } from './page.ts'
import { type InteractionRow, interactionColumns } from './row.ts'
import { type SearchResult, searchInteractions } from './search.ts'

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

/** Compiles the statements; they run when the functions are called. */
export function interactionRepository(database: Database): InteractionRepository {
  const { kysely } = database

  const find = database.prepare('find_interaction', ({ id }: { id: string }) =>
    kysely
      .selectFrom('interactions as interaction')
      .select(interactionColumns)
      .where('id', '=', id)
      .compile(),
  )

  const create = database.prepare('create_interaction', (given: NewInteraction) =>
    sql<{ id: string }>`
      insert into interactions (id, organization_id, created_by, type, data)
      values (${given.id}, ${given.organizationId}, ${given.createdBy}, ${given.type}, ${given.data})
      on conflict (id) do nothing
      returning id`.compile(kysely),
  )

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
    find: async (id) => (await find({ id }))[0],
    create: async (interaction) => ((await create(interaction)).length > 0 ? 'created' : 'duplicate'),
    async update(given) {
      const [target] = await update(given)
      if (target === undefined) return 'missing'
      if (target.is_foreign) return 'foreign'
      if (target.updated) return 'updated'
      if (given.type === undefined && given.data === undefined) return target.is_current ? 'updated' : 'stale'
      // Without a version, nothing but the row's disappearance meanwhile can have kept it from being updated.
      return given.version === undefined ? 'missing' : 'stale'
    },
    search: (criteria, pageable) => searchInteractions(kysely, criteria, pageable),
  }
}
