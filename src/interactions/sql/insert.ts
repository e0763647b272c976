// The one way to write new rows: creations, creations with an idempotency key, imports and samples use it.
import { type RawBuilder, sql } from 'kysely'
import {
  type BatchLimits,
  batch,
  inOrder,
  type Lists,
  type RunInBatch,
} from '../../database/batches/batches.ts'
import { joinJson, splitJson } from '../../database/batches/json-list.ts'
import type { Database } from '../../database/database.ts'
import { databaseFailure } from '../../database/sqlstate.ts'
import { promotedColumns } from './rows.ts'

export interface NewInteraction {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  readonly type: string | undefined
  /** the JSON text of an object */
  readonly data: string
}

/** An interaction with its whole state, as an export has it. */
export interface StoredInteraction extends NewInteraction {
  /** a PostgreSQL timestamp */
  readonly createdAt: string
  /** a decimal number of 64 bits, not below 0 */
  readonly version: string
}

/** Rows as a statement takes them: a list for each member, `data` joined by joinJson(). */
export type DataLists<Row> = Lists<Omit<Row, 'data'>> & { readonly data: string }

export const newColumns = sql.raw('id, organization_id, created_by, type, data')
const storedColumns = sql.raw('id, organization_id, created_by, type, data, created_at, version')

/**
 * The statement that inserts rows and promotes what their `data` holds.
 * @param source a FROM item, or several that are joined, with the columns of NewInteraction or of StoredInteraction
 */
export function insertFrom(source: RawBuilder<unknown>, columns = newColumns): RawBuilder<never> {
  return sql<never>`
    insert into interactions (${columns}, ${promotedColumns})
    select ${columns}, ${promotedColumns}
    from ${source}, promote_interaction(id, organization_id, data)`
}

/** A FROM item with the columns of NewInteraction. */
function newRows(given: DataLists<NewInteraction>) {
  return sql`unnest(
      ${given.id}::text[], ${given.organizationId}::text[], ${given.createdBy}::text[], ${given.type}::text[],
      ${splitJson(given.data)}
    ) as given (${newColumns})`
}

/** Writes of more `data` are large, in UTF-16 units. */
const largeLength = 32_768

/** How much `data` the writes of a statement have together, unless it is one write. */
export const maximumWriteLength = 262_144

/** How many statements of large writes run at once. */
const largeConcurrency = 2

/** How writes of one size run. */
export interface WriteLane {
  /** the end of the names of its statements */
  readonly suffix: string
  readonly options: { readonly shares: 'writes' } | undefined
  readonly limits: BatchLimits
}

/** Runs large writes on connections of the pool, so that small ones do not wait for them on the shared connection. */
export function inLanes<Write extends { readonly data: string | undefined }, Outcome>(
  limits: BatchLimits,
  prepare: (lane: WriteLane) => RunInBatch<Write, Outcome>,
): (write: Write, holder: string) => Promise<Outcome> {
  const bounded = { ...limits, maxWeight: maximumWriteLength }
  const runSmall = prepare({ suffix: '', options: { shares: 'writes' }, limits: bounded })
  const runLarge = prepare({
    suffix: '_of_large_data',
    options: undefined,
    limits: { ...bounded, concurrency: largeConcurrency },
  })
  return (write, holder) => {
    const length = write.data?.length ?? 0
    return (length > largeLength ? runLarge : runSmall)(write, holder, length)
  }
}

/** For how long ids are not assumed to be free after a duplicate, in milliseconds. */
const carefulMs = 1000

/**
 * Prepares the creation of interactions, unless their ids exist. Nearly all ids are free, and a statement that assumes
 * so does less work: it looks up the primary key once a row and returns nothing. It inserts all rows or none. After a
 * failure, and for a second, a statement that decides row by row replaces it: a flood of duplicates costs one failed
 * statement a second.
 */
export function prepareInsert(
  database: Database,
  limits: BatchLimits,
): (interaction: NewInteraction, holder: string) => Promise<'created' | 'duplicate'> {
  return inLanes(limits, (lane) => prepareInserts(database, lane))
}

function prepareInserts(
  database: Database,
  { suffix, options, limits }: WriteLane,
): RunInBatch<NewInteraction, 'created' | 'duplicate'> {
  const { kysely } = database
  const insertAll = database.prepare(
    `create_interactions${suffix}`,
    (given: DataLists<NewInteraction>) => insertFrom(newRows(given)).compile(kysely),
    options,
  )
  const insertFree = database.prepare(
    `create_interactions_of_free_ids${suffix}`,
    (given: DataLists<NewInteraction>) =>
      sql<{
        id: string
      }>`${insertFrom(newRows(given))} on conflict (id) do nothing returning id`.compile(kysely),
    options,
  )
  let carefulUntil = 0

  const insert = async (rows: readonly NewInteraction[]) => {
    const lists = toLists(rows)
    if (performance.now() >= carefulUntil)
      try {
        await insertAll(lists)
        return lists.id
      } catch (error) {
        // the rest is likely to be a duplicate: a distributed PostgreSQL reports it as XX000
        if (databaseFailure(error) !== undefined) throw error
        carefulUntil = performance.now() + carefulMs
      }
    return (await insertFree(lists)).map(({ id }) => id)
  }
  return batch(async (interactions: readonly NewInteraction[]) => {
    const created = new Set(await insert(inOrder(interactions)))
    // the first of several with the same id was created
    return interactions.map(({ id }) => (created.delete(id) ? 'created' : 'duplicate'))
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

export interface InsertOutcome {
  /** how many were inserted */
  readonly inserted: number
  /** those whose id exists with other content: indexes into the given rows, ascending */
  readonly differing: readonly number[]
}

/** Inserts interactions with their whole state in one transaction, except those whose id exists. */
export async function insertStored(
  { kysely }: Pick<Database, 'kysely'>,
  rows: readonly StoredInteraction[],
): Promise<InsertOutcome> {
  const given = sql`unnest(
      ${rows.map(({ id }) => id)}::text[], ${rows.map(({ organizationId }) => organizationId)}::text[],
      ${rows.map(({ createdBy }) => createdBy)}::text[], ${rows.map(({ type }) => type)}::text[],
      ${splitJson(joinJson(rows.map(({ data }) => data)))}, ${rows.map(({ createdAt }) => createdAt)}::timestamptz[],
      ${rows.map(({ version }) => version)}::bigint[]
    ) with ordinality as given (${storedColumns}, number)`
  const { rows: insertedRows } = await sql`
    ${insertFrom(given, storedColumns)} on conflict (id) do nothing returning id`.execute(kysely)
  const inserted = insertedRows.length
  if (inserted === rows.length) return { inserted, differing: [] }
  const compared = await sql<{ index: string }>`
    select given.number - 1 as index
    from ${given} left join interactions as stored on stored.id = given.id
    where (stored.organization_id, stored.created_by, stored.created_at, stored.type, stored.data::text, stored.version)
      is distinct from
      (given.organization_id, given.created_by, given.created_at, given.type, given.data::text, given.version)
    order by given.number`.execute(kysely)
  return { inserted, differing: compared.rows.map(({ index }) => Number(index)) }
}
