// SQL that keeps the totals: advances the watermark, counts the hours before it, and adds what changed in them since.
//
// The triggers record changes of hours before the watermark, in the transaction that makes them. A transaction that
// began earlier may not have seen the new watermark, and records nothing; the hours are therefore counted only after
// all such transactions have ended. The clock decides when the watermark advances, not whether the numbers are right.
import { sql, type Transaction } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { addition } from './addition.ts'

/** The approximate number of interactions or changes that one step processes. */
const stepSize = 10_000

/** The progress of the totals; times are PostgreSQL's timestamps or `-infinity`. */
export interface TotalsState {
  /** changes each time `watermark` is set (the column `seal`) */
  readonly watermarkVersion: string
  /** changes of hours before this time are recorded (the column `sealed_until`) */
  readonly watermark: string
  /** hours before this time are counted */
  readonly countedUntil: string
}

const stateColumns = sql`seal as "watermarkVersion", sealed_until as "watermark", counted_until as "countedUntil"`

/** Returns whether the database records changes: it has all four triggers, and none is disabled. */
export async function recordsChanges({ kysely }: Database): Promise<boolean> {
  const { rows } = await sql<{ complete: boolean }>`
    select count(*) = 4 as complete from pg_trigger
    where tgrelid = 'interactions'::regclass and tgenabled = 'A'
      and tgname in (
        'interactions_noted_on_insert', 'interactions_noted_on_delete', 'interactions_noted_on_move',
        'interactions_noted_on_truncate'
      )`.execute(kysely)
  return rows[0]?.complete === true
}

/** Returns the progress of the totals; undefined when its row is missing, in which case no totals are kept. */
export async function readState({ kysely }: Database): Promise<TotalsState | undefined> {
  const { rows } = await sql<TotalsState>`
    select ${stateColumns} from interaction_day_totals_state`.execute(kysely)
  return rows[0]
}

/**
 * Moves the watermark to the beginning of the current hour. Drops all totals when the watermark lies more than a day in
 * the future, because the clock was wrong: until then every change would be recorded, and no hour counted.
 */
export async function advanceWatermark({ kysely }: Database): Promise<void> {
  await sql`
    update interaction_day_totals_state set seal = seal + 1, sealed_until = date_trunc('hour', clock_timestamp())
    where sealed_until < date_trunc('hour', clock_timestamp())`.execute(kysely)
  const { rows } = await sql`
    select from interaction_day_totals_state where sealed_until > clock_timestamp() + interval '1 day'`.execute(
    kysely,
  )
  if (rows.length > 0) await dropTotals({ kysely })
}

/** Drops all totals and recorded changes. Searches count until the totals are counted again. */
export async function dropTotals({ kysely }: Pick<Database, 'kysely'>): Promise<void> {
  await kysely.transaction().execute(dropTotalsIn)
}

/** Drops them in a transaction that does more. */
export async function dropTotalsIn(transaction: Transaction<Tables>): Promise<void> {
  await sql`
    update interaction_day_totals_state
    set seal = seal + 1, sealed_until = '-infinity', counted_until = '-infinity'`.execute(transaction)
  await sql`delete from interaction_day_totals`.execute(transaction)
  await sql`delete from interaction_total_changes`.execute(transaction)
}

/** Returns a transaction id above the ids of all transactions that have written so far. */
export async function nextTransactionId({ kysely }: Database): Promise<string> {
  const { rows } = await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(kysely)
  return rows[0]?.id ?? '0'
}

/** Returns whether all transactions below an id have ended, prepared transactions included. */
export async function haveEnded({ kysely }: Database, transactionId: string): Promise<boolean> {
  const { rows } = await sql<{ ended: boolean }>`
    select pg_snapshot_xmin(pg_current_snapshot()) >= ${transactionId}::xid8 as ended`.execute(kysely)
  return rows[0]?.ended === true
}

/**
 * Counts the next hours before the watermark, in one step.
 * @param watermarkVersion of a watermark that every running transaction has seen
 * @returns whether there may be more to count; false also when another server counts or has set the watermark since
 */
export function countHours(database: Database, watermarkVersion: string): Promise<boolean> {
  return withStateLock(database, async (transaction, { countedUntil, ...state }) => {
    if (state.watermarkVersion !== watermarkVersion || countedUntil === state.watermark) return false
    const { rows } = await sql<{ end: string }>`
      select least(${state.watermark}::timestamptz, (
        select date_trunc('hour', created_at) + interval '1 hour' from interactions
        where id >= '' and created_at >= ${countedUntil}::timestamptz
        order by created_at, id limit 1 offset ${stepSize}
      )) as "end"`.execute(transaction)
    const end = rows[0]?.end ?? state.watermark
    // One statement reads one snapshot: the changes that it deletes belong to interactions that it counts.
    await sql`
      with dropped as (
        delete from interaction_total_changes
        where hour >= ${countedUntil}::timestamptz and hour < ${end}::timestamptz
      ),
      added as materialized (
        select coalesce(organization_id, '') as organization_id, date_trunc('hour', created_at) as hour, count(*) as change
        from interactions
        where id >= '' and created_at >= ${countedUntil}::timestamptz and created_at < ${end}::timestamptz
        group by grouping sets ((organization_id, date_trunc('hour', created_at)), (date_trunc('hour', created_at)))
      ),
      ${addition}
      update interaction_day_totals_state set counted_until = ${end}::timestamptz`.execute(transaction)
    return end !== state.watermark
  })
}

/**
 * Adds recorded changes of counted hours to the totals, in one step.
 * @returns whether there may be more changes; false also when another server counts
 */
export function addChanges(database: Database): Promise<boolean> {
  return withStateLock(database, async (transaction, { countedUntil }) => {
    const { rows } = await sql<{ taken: string }>`
      with taken as (
        delete from interaction_total_changes
        where ctid = any(array(
          select ctid from interaction_total_changes where hour < ${countedUntil}::timestamptz
          order by organization_id limit ${stepSize}
        ))
        returning organization_id, hour, change
      ),
      added as materialized (
        select coalesce(organization_id, '') as organization_id, hour, sum(change) as change from taken
        group by grouping sets ((organization_id, hour), (hour))
      ),
      ${addition}
      select count(*) as taken from taken`.execute(transaction)
    return Number(rows[0]?.taken) === stepSize
  })
}

/**
 * Runs `work` in a transaction that holds the lock of the state's row, so that one server works at a time.
 * @returns its result; false, without running it, when another server holds the lock
 */
async function withStateLock(
  { kysely }: Database,
  work: (transaction: Transaction<Tables>, state: TotalsState) => Promise<boolean>,
): Promise<boolean> {
  return await kysely.transaction().execute(async (transaction) => {
    // the same order of locks as TRUNCATE and its trigger, to avoid deadlocks
    await sql`lock table interactions in access share mode`.execute(transaction)
    const { rows } = await sql<TotalsState>`
      select ${stateColumns} from interaction_day_totals_state for update skip locked`.execute(transaction)
    return rows[0] === undefined ? false : await work(transaction, rows[0])
  })
}
