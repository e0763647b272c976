// Creations, many in one statement.
import { sql } from 'kysely'
import { type BatchLimits, gather, inOrder, type Lists } from '../database/batches.ts'
import type { Database } from '../database/database.ts'
import { joinJson, splitJson } from '../database/json-list.ts'
import { isDuplicate } from '../database/sqlstate.ts'
import { promotedColumns } from './row.ts'

export interface NewInteraction {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  readonly type: string | undefined
  /** the JSON text of an object */
  readonly data: string
}

/** The same members of many, as a statement takes them. */
export interface CreationLists extends Lists<Omit<NewInteraction, 'data'>> {
  readonly data: string
}

/** For how long it is not assumed that ids are free after one was not, in milliseconds. */
const carefulMs = 1000

/**
 * Stores a new interaction, unless its id is taken. Nearly all ids are free, and a statement that assumes so does less
 * work: it looks into the primary key once a row, and tells nothing of it. It stores all or none. When that fails, and for a
 * second after, a statement that decides on each row takes its place, so that a flood of duplicates costs no more than
 * that.
 */
export function prepareCreate(
  database: Database,
  limits: BatchLimits,
): (given: NewInteraction) => Promise<'created' | 'duplicate'> {
  const { kysely } = database
  const insertion = (given: CreationLists) => sql`
    insert into interactions (id, organization_id, created_by, type, data, ${promotedColumns})
    select id, organization_id, created_by, type, data, ${promotedColumns}
    from unnest(
        ${given.id}::text[], ${given.organizationId}::text[], ${given.createdBy}::text[], ${given.type}::text[],
        ${splitJson(given.data)}
      ) as given (id, organization_id, created_by, type, data),
      promote_interaction(id, organization_id, data)`
  const createAll = database.prepare(
    'create_interactions',
    (given: CreationLists) => sql<never>`${insertion(given)}`.compile(kysely),
    { shares: 'writes' },
  )
  const createFree = database.prepare(
    'create_interactions_of_free_ids',
    (given: CreationLists) =>
      sql<{ id: string }>`${insertion(given)} on conflict (id) do nothing returning id`.compile(kysely),
    { shares: 'writes' },
  )
  let carefulUntil = 0

  const createdIds = async (rows: readonly NewInteraction[]) => {
    const lists = toLists(rows)
    if (performance.now() >= carefulUntil)
      try {
        await createAll(lists)
        return lists.id
      } catch (error) {
        if (!isDuplicate(error)) throw error
        carefulUntil = performance.now() + carefulMs
      }
    return (await createFree(lists)).map(({ id }) => id)
  }
  return gather(async (interactions: readonly NewInteraction[]) => {
    const ids = new Set(await createdIds(inOrder(interactions)))
    // of several of one id, the first was created
    return interactions.map(({ id }) => (ids.delete(id) ? 'created' : 'duplicate'))
  }, limits)
}

export function toLists(rows: readonly NewInteraction[]): CreationLists {
  return {
    id: rows.map(({ id }) => id),
    organizationId: rows.map(({ organizationId }) => organizationId),
    createdBy: rows.map(({ createdBy }) => createdBy),
    type: rows.map(({ type }) => type),
    data: joinJson(rows.map(({ data }) => data)),
  }
}
