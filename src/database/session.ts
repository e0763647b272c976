// Checks session settings that results depend on, and that a pooler in front of PostgreSQL may drop.
import { type Kysely, sql } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * Checks that sessions use the time zone UTC and the date style ISO: the service parses times in that format, and the
 * totals count UTC hours. Both are requested by the startup parameter `options` (see pool.ts), which a pooler may drop.
 * @throws Error for the operator when a session has another time zone or date style
 */
export async function checkSession(kysely: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ timeZone: string; dateStyle: string }>`
    select current_setting('TimeZone') as "timeZone", current_setting('DateStyle') as "dateStyle"`.execute(
    kysely,
  )
  for (const { timeZone, dateStyle } of rows)
    if (!/^(Etc\/)?UTC$/.test(timeZone) || !dateStyle.startsWith('ISO'))
      throw new Error(
        `the database's sessions have TimeZone ${timeZone} and DateStyle ${dateStyle}, not UTC and ISO: ` +
          'a pooler such as PgBouncer drops the startup parameter options; set both for the role ' +
          "(alter role … set timezone = 'UTC'; alter role … set datestyle = 'ISO')",
      )
}
