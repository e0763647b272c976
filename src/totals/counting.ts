// The SQL that keeps the totals: seals hours, counts them, and adds what changed in them since.
//
// An hour is first sealed, and counted when every transaction has ended that may not have seen that it was: until then
// what is written there goes unnoticed, from then on each statement notes what it changes, in its own transaction. The
// clock decides only when that happens; the number is right whenever it does.
import { sql, type Transaction } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { addition } from './addition.ts'

/** How many interactions, or changes, one step takes on, about. */
const stepSize = 10_000

/** How far the totals have come; each hour before the moment is. PostgreSQL's timestamps, or `-infinity`. */
export interface TotalsState {
  /** another one whenever `watermark` is set */
  readonly watermarkVersion: string
  readonly watermark: string
  readonly countedUntil: string
}

const stateColumns = sql`seal as "watermarkVersion", sealed_until as "watermark", counted_until as "countedUntil"`

/** Whether the database notes changes: it has all four triggers, and none is switched off. */
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

/** Whether nothing can be written at present: a standby, or a database that is set so. */
export async function isReadOnly({ kysely }: Database): Promise<boolean> {
  const { rows } = await sql<{ setting: string }>`
    select current_setting('transaction_read_only') as setting`.execute(kysely)
  return rows[0]?.setting === 'on'
}

/** @returns undefined when the state is missing, which keeps totals off */
export async function readState({ kysely }: Database): Promise<TotalsState | undefined> {
  const { rows } = await sql<TotalsState>`
    select ${stateColumns} from interaction_day_totals_state`.execute(kysely)
  return rows[0]
}

/**
 * Seals the hours that are over. When they are sealed until far beyond the present, the clock was wrong: all starts
 * over, since nothing would be kept until then but changes.
 */
export async function advanceWatermark({ kysely }: Database): Promise<void> {
  await sql`
    update interaction_day_totals_state set seal = seal + 1, sealed_until = date_trunc('hour', clock_timestamp())
    where sealed_until < date_trunc('hour', clock_timestamp())`.execute(kysely)
  const { rows } = await sql`
    select from interaction_day_totals_state where sealed_until > clock_timestamp() + interval '1 day'`.execute(
    kysely,
  )
  if (rows.length > 0) await forgetTotals({ kysely })
}

/** Drops all totals, as if none had ever been counted. Searches count again from then on. */
export async function forgetTotals({ kysely }: Pick<Database, 'kysely'>): Promise<void> {
  await kysely.transaction().execute(async (transaction) => {
    await sql`
      update interaction_day_totals_state
      set seal = seal + 1, sealed_until = '-infinity', counted_until = '-infinity'`.execute(transaction)
    await sql`delete from interaction_day_totals`.execute(transaction)
    await sql`delete from interaction_total_changes`.execute(transaction)
  })
}

/** A transaction id above those of all that have written by now. */
export async function nextTransactionId({ kysely }: Database): Promise<string> {
  const { rows } = await sql<{ id: string }>`select pg_current_xact_id()::text as id`.execute(kysely)
  return rows[0]?.id ?? '0'
}

/** Whether every transaction below that id has ended, prepared ones included. */
export async function haveEnded({ kysely }: Database, transactionId: string): Promise<boolean> {
  const { rows } = await sql<{ ended: boolean }>`
    select pg_snapshot_xmin(pg_current_snapshot()) >= ${transactionId}::xid8 as ended`.execute(kysely)
  return rows[0]?.ended === true
}

/**
 * Counts the next sealed hours, in one step.
 * @param watermarkVersion the one of which every transaction that wrote before has ended
 * @returns whether there may be more to do; false also while another server counts, or sealed anew
 */
export function countHours(database: Database, watermarkVersion: string): Promise<boolean> {
  return alone(database, async (transaction, { countedUntil, ...state }) => {
    if (state.watermarkVersion !== watermarkVersion || countedUntil === state.watermark) return false
    const { rows } = await sql<{ end: string }>`
      select least(${state.watermark}::timestamptz, (
        select date_trunc('hour', created_at) + interval '1 hour' from interactions
        where id >= '' and created_at >= ${countedUntil}::timestamptz
        order by created_at, id limit 1 offset ${stepSize}
      )) as "end"`.execute(transaction)
    const end = rows[0]?.end ?? state.watermark
    // one statement, hence one snapshot: the changes that it drops are of the interactions that it counts
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
 * Adds to the totals what changed in counted hours, in one step.
 * @returns whether there may be more to do; false also while another server counts
 */
export function addChanges(database: Database): Promise<boolean> {
  return alone(database, async (transaction, { countedUntil }) => {
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

/** Of several servers one works at a time: who holds the lock of the state's row. */
async function alone(
  { kysely }: Database,
  work: (transaction: Transaction<Tables>, state: TotalsState) => Promise<boolean>,
): Promise<boolean> {
  return await kysely.transaction().execute(async (transaction) => {
    // in the order in which TRUNCATE takes the two
    await sql`lock table interactions in access share mode`.execute(transaction)
    const { rows } = await sql<TotalsState>`
      select ${stateColumns} from interaction_day_totals_state for update skip locked`.execute(transaction)
    return rows[0] === undefined ? false : await work(transaction, rows[0])
  })
}
