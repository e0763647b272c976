// The baseline's table and its connections.
import { type Generated, Kysely, PostgresDialect, type Selectable } from 'kysely'
import pg from 'pg'

export interface InteractionTable {
  id: string
  organization_id: string
  created_by: string
  created_at: Generated<Date>
  type: string | null
  data: Record<string, unknown>
  version: Generated<number>
}

export type InteractionRow = Selectable<InteractionTable>

/** Opens up to 10 connections: five for each core of the machine that the published figures come from. */
export function openDatabase(connectionString: string): Kysely<{ interactions: InteractionTable }> {
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  const pool = new pg.Pool({ connectionString, max: 10, options: '-c random_page_cost=1.1' })
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}
