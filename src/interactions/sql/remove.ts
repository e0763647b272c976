// Removes interactions for good, beside live traffic: what has been kept for long enough, or what there is of a customer.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Expression, type SqlBool, sql } from 'kysely'
import type { Database } from '../../database/database.ts'
import { ofOrganization } from './filters.ts'

/** Which interactions are to go: all for which every condition holds that is given. */
export type Removal =
  | {
      /** a PostgreSQL timestamp, exclusive */
      readonly createdBefore: string
      /** undefined: of all organizations */
      readonly organizationId: string | undefined
    }
  | { readonly organizationId: string; readonly customerId: string }

/** How many milliseconds a batch is to take: live traffic waits no longer for a row that it holds. */
const batchMilliseconds = 100

/** How many rows a batch may have; the first has the fewest. */
const batchSize = { least: 10, first: 100, most: 2000 } as const

/** How long to wait for rows that other transactions hold, in milliseconds. */
const patienceMilliseconds = 200

/** How many interactions would go by now. */
export async function countRemovable({ kysely }: Database, removal: Removal): Promise<number> {
  const { rows } = await sql<{ total: string }>`
    select count(*) as total from interactions where ${condition(removal)}`.execute(kysely)
  return Number(rows[0]?.total)
}

/**
 * Removes them, oldest first, each batch in a transaction of its own that waits for no other: a row that another
 * transaction holds is left for later. Rests after each batch as long as it took.
 * @param signal ends it after the batch that is under way
 * @returns how many went, batch by batch; ends when there are none left
 */
export async function* removeInBatches(
  database: Database,
  removal: Removal,
  signal: AbortSignal,
): AsyncGenerator<number> {
  const rest = (milliseconds: number) => sleep(milliseconds, undefined, { signal }).catch(() => undefined)
  let size: number = batchSize.first
  let after: Position | undefined
  while (!signal.aborted) {
    const began = performance.now()
    const { removed, last } = await removeBatch(database, removal, size, after)
    const took = performance.now() - began
    if (removed > 0) yield removed
    const isPassOver = removed < size
    if (isPassOver && !(await isAnyLeft(database, removal))) return
    after = isPassOver ? undefined : last
    const fitting = Math.round((size * batchMilliseconds) / took)
    size = Math.min(Math.max(fitting, batchSize.least), 2 * size, batchSize.most)
    await rest(isPassOver ? patienceMilliseconds : took)
  }
}

/** Behind which the next batch begins, so that none looks through what those before it left behind. */
interface Position {
  readonly created_at: string
  readonly id: string
}

async function removeBatch(
  { kysely }: Database,
  removal: Removal,
  size: number,
  after: Position | undefined,
): Promise<{ removed: number; last: Position | undefined }> {
  const isBehind =
    after === undefined
      ? sql`true`
      : sql`(created_at, id) > (${after.created_at}::timestamptz, ${after.id}::text)`
  const { rows } = await sql<Position>`
    with chosen as materialized (
      select id, created_at from interactions
      where ${condition(removal)} and ${isBehind}
      order by created_at, id
      limit ${size}
      for update skip locked
    ), removed as (
      delete from interactions where id = any(array(select id from chosen)) returning id, created_at
    )
    select id, created_at from removed order by created_at, id`.execute(kysely)
  return { removed: rows.length, last: rows.at(-1) }
}

async function isAnyLeft({ kysely }: Database, removal: Removal): Promise<boolean> {
  const { rows } = await sql`select from interactions where ${condition(removal)} limit 1`.execute(kysely)
  return rows.length > 0
}

function condition(removal: Removal): Expression<SqlBool> {
  if ('createdBefore' in removal) {
    const { createdBefore, organizationId } = removal
    const belongs = ofOrganization(organizationId === undefined ? undefined : sql.val(organizationId))
    return sql`${belongs} and created_at < ${createdBefore}::timestamptz`
  }
  const { organizationId, customerId } = removal
  // the column, cut as its index entry is, finds them; the data tell apart those of more than 256 characters
  return sql`${ofOrganization(sql.val(organizationId))} and customer_id = left(${customerId}::text, 256)
    and data ->> 'customerId' = ${customerId}::text`
}
