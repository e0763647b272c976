// What the answers rest on in every session, and what stands between service and PostgreSQL may withhold.
import { type Kysely, sql } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * Times are read as PostgreSQL writes them in ISO style and UTC, and its hours are those of UTC. Both are asked for when
 * a connection is made (see pool.ts), by the startup parameter `options`, which a pooler may drop.
 * @throws Error for the operator when a session has another time zone or another style of dates
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
          'something on the way, such as PgBouncer, drops the startup parameter options; set both for the role ' +
          "(alter role … set timezone = 'UTC')",
      )
}
