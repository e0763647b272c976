// Creations, many in one statement.
import { type RawBuilder, sql } from 'kysely'
import { type BatchLimits, batch, inOrder, type Lists } from '../../database/batches.ts'
import type { Database } from '../../database/database.ts'
import { joinJson, splitJson } from '../../database/json-list.ts'
import { isDuplicate } from '../../database/sqlstate.ts'
import { promotedColumns } from './rows.ts'

export interface NewInteraction {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  readonly type: string | undefined
  /** the JSON text of an object */
  readonly data: string
}

/** The members of many, as a statement takes them: `data` joined by `joinJson`. */
export type DataLists<Row> = Lists<Omit<Row, 'data'>> & { readonly data: string }

/** Inserts what has the members of NewInteraction. @param source a FROM item, or several that are joined */
export function insertFrom(source: RawBuilder<unknown>): RawBuilder<never> {
  return sql<never>`
    insert into interactions (id, organization_id, created_by, type, data, ${promotedColumns})
    select id, organization_id, created_by, type, data, ${promotedColumns}
    from ${source}, promote_interaction(id, organization_id, data)`
}

/** For how long it is not assumed that ids are free after one was not, in milliseconds. */
const carefulMs = 1000

/**
 * Stores a new interaction, unless its id is taken. Nearly all ids are free, and a statement that assumes so does less
 * work: it looks into the primary key once a row, and tells nothing of it. It stores all or none. When that fails, and
 * for a second after, a statement that decides on each row takes its place, so that a flood of duplicates costs no more
 * than that.
 */
export function prepareCreate(
  database: Database,
  limits: BatchLimits,
): (given: NewInteraction) => Promise<'created' | 'duplicate'> {
  const { kysely } = database
  const insertion = (given: DataLists<NewInteraction>) =>
    insertFrom(sql`unnest(
        ${given.id}::text[], ${given.organizationId}::text[], ${given.createdBy}::text[], ${given.type}::text[],
        ${splitJson(given.data)}
      ) as given (id, organization_id, created_by, type, data)`)
  const createAll = database.prepare(
    'create_interactions',
    (given: DataLists<NewInteraction>) => insertion(given).compile(kysely),
    { shares: 'writes' },
  )
  const createFree = database.prepare(
    'create_interactions_of_free_ids',
    (given: DataLists<NewInteraction>) =>
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
  return batch(async (interactions: readonly NewInteraction[]) => {
    const ids = new Set(await createdIds(inOrder(interactions)))
    // of several of one id, the first was created
    return interactions.map(({ id }) => (ids.delete(id) ? 'created' : 'duplicate'))
  }, limits)
}

export function toLists(rows: readonly NewInteraction[]): DataLists<NewInteraction> {
  return {
    id: rows.map(({ id }) => id),
    organizationId: rows.map(({ organizationId }) => organizationId),
    createdBy: rows.map(({ createdBy }) => createdBy),
    type: rows.map(({ type }) => type),
    data: joinJson(rows.map(({ data }) => data)),
  }
}
