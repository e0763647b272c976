// Removes interactions permanently, in small batches beside live traffic: those before a date, or those of a customer.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Expression, type SqlBool, sql } from 'kysely'
import type { Database } from '../../database/database.ts'
import { ofOrganization } from './matching.ts'

/** Which interactions to remove: those that match all conditions. */
export type Removal =
  | {
      /** a PostgreSQL timestamp, exclusive */
      readonly createdBefore: string
      /** undefined: of all organizations */
      readonly organizationId: string | undefined
    }
  | { readonly organizationId: string; readonly customerId: string }

/** Target duration of a batch in milliseconds: live traffic waits so long at most for the rows that it locks. */
const batchMs = 100

/** Rows of a batch. */
const batchSize = { minimum: 10, first: 100, maximum: 2000 } as const

/** Pause before rows that other transactions have locked are tried again, in milliseconds. */
const lockedRowPauseMs = 200

/** Counts the interactions that would be removed. */
export async function countRemovable({ kysely }: Database, removal: Removal): Promise<number> {
  const { rows } = await sql<{ total: string }>`
    select count(*) as total from interactions where ${condition(removal)}`.execute(kysely)
  return Number(rows[0]?.total)
}

/**
 * Removes interactions, oldest first. Each batch is a transaction of its own that skips locked rows and tries them again
 * later; it waits for them where the interactions are distributed. Pauses after each batch as long as it took.
 * @param signal stops after the current batch
 * @returns the number of removed rows of each batch; ends when none are left
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
    const isPassDone = removed < size
    if (isPassDone && !(await isAnyLeft(database, removal))) return
    after = isPassDone ? undefined : last
    const fitting = Math.round((size * batchMs) / took)
    size = Math.min(Math.max(fitting, batchSize.minimum), 2 * size, batchSize.maximum)
    await rest(isPassDone ? lockedRowPauseMs : took)
  }
}

/** The last removed row: the next batch starts after it, and so does not read again what earlier batches skipped. */
interface Position {
  readonly created_at: string
  readonly id: string
}

async function removeBatch(
  { kysely, isDistributed }: Database,
  removal: Removal,
  size: number,
  after: Position | undefined,
): Promise<{ removed: number; last: Position | undefined }> {
  const isAfterPosition =
    after === undefined
      ? sql`true`
      : sql`(created_at, id) > (${after.created_at}::timestamptz, ${after.id}::text)`
  const { rows } = await sql<Position>`
    with chosen as materialized (
      select id, created_at from interactions
      where ${condition(removal)} and ${isAfterPosition}
      order by created_at, id
      limit ${size}
      ${isDistributed ? sql`` : sql`for update skip locked`}
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
  // the column, which keeps 256 characters, finds candidates; the data decides about longer values
  return sql`${ofOrganization(sql.val(organizationId))} and customer_id = left(${customerId}::text, 256)
    and data ->> 'customerId' = ${customerId}::text`
}
