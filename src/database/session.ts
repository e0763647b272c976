// The settings of sessions that statements rely on: how they reach PostgreSQL, and whether they have. Whether sessions take
// writes.
import { type Kysely, sql } from 'kysely'
import type { Tables } from './tables.ts'

export interface SessionOptions {
  /** how long a statement may run, in milliseconds; 0: no limit */
  readonly statementTimeoutMs: number
  /** how long a statement may wait for a lock, in milliseconds; 0: no limit */
  readonly lockTimeoutMs: number
  /** whether statements are planned for all values, rather than for particular ones when that seems better */
  readonly forcesGenericPlans: boolean
}

/** Values by the names of PostgreSQL's settings. */
export type SessionSettings = Readonly<Record<string, string | number>>

/** Returns the settings of a session. */
export function sessionSettings(options: SessionOptions): SessionSettings {
  return {
    TimeZone: 'UTC',
    DateStyle: 'ISO',
    // PostgreSQL's default of 4 assumes spinning disks: deep pages and selective filters would become sequential scans.
    random_page_cost: 1.1,
    // Parallel workers take more CPU in total for the same result, and other callers would wait for it.
    max_parallel_workers_per_gather: 0,
    // Compiling a plan takes longer than these statements run; PostgreSQL decides it by rough cost estimates.
    jit: 'off',
    plan_cache_mode: options.forcesGenericPlans ? 'force_generic_plan' : 'auto',
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
  }
}

/** Returns the settings as the startup parameter `options`, which gives them to a new session. */
export function toStartupOptions(settings: SessionSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
}

/** A statement that describes the format of times in a session. */
export const describeTimes = `select 'TimeZone ' || current_setting('TimeZone') || ' and DateStyle ' || current_setting('DateStyle')`

/** Whether a session so described uses the time zone UTC and the date style ISO. */
export function isExpected(times: string): boolean {
  return /^TimeZone (Etc\/)?UTC and DateStyle ISO\b/.test(times)
}

/**
 * Checks that sessions use the time zone UTC and the date style ISO: the service parses times in that format, and the
 * totals count UTC hours.
 * @returns whether all settings of the service have arrived: a pooler may drop those of the startup
 * @throws Error for the operator when a session has another time zone or date style, or a pooler refuses the settings
 */
export async function checkSession(kysely: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql<{ times: string; areSet: boolean }>`
    select (${sql.raw(describeTimes)}) as times,
      (select source in ('client', 'session') from pg_settings where name = 'plan_cache_mode') as "areSet"`
    .execute(kysely)
    .catch(explainRefusal)
  for (const { times } of rows)
    if (!isExpected(times))
      throw new Error(
        `the database's sessions have ${times}, not UTC and ISO: ` +
          'a pooler such as PgBouncer drops the startup parameter options; set DATABASE_POOLER=true',
      )
  return rows.every(({ areSet }) => areSet)
}

export interface ReadOnlyRow {
  readonly transaction_read_only: string
}

/**
 * Asks whether a session is read-only: on a standby, or configured so.
 * @param query runs a statement in the session
 */
export async function isReadOnly(
  query: (text: string) => Promise<{ readonly rows: readonly ReadOnlyRow[] }>,
): Promise<boolean> {
  const { rows } = await query('show transaction_read_only')
  return rows[0]?.transaction_read_only === 'on'
}

/** The SQLSTATE with which PgBouncer refuses startup parameters. */
const protocolViolation = '08P01'

/** Throws an error without a cause: with the code of this one, the connection would be tried again. */
function explainRefusal(refusal: unknown): never {
  if (refusal instanceof Error && 'code' in refusal && refusal.code === protocolViolation)
    throw new Error(
      `the database refuses the connection (${refusal.message}): behind a pooler such as PgBouncer, set DATABASE_POOLER=true`,
    )
  throw refusal
}
