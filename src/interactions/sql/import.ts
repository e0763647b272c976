// Stores interactions that were exported, as they were, and leaves alone what is there.
import { sql } from 'kysely'
import type { Database } from '../../database/database.ts'

/** An interaction as it was stored elsewhere, or here. */
export interface ImportedRow {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  /** a PostgreSQL timestamp */
  readonly createdAt: string
  /** null when it was never given */
  readonly type: string | null
  /** the JSON text of an object */
  readonly data: string
  /** a decimal number of 64 bits, not below 0 */
  readonly version: string
}

export interface ImportOutcome {
  /** how many were stored */
  readonly stored: number
  /** which have an id that an interaction with other content has; indexes into what was to be stored, ascending */
  readonly differing: readonly number[]
}

/** Stores them in one transaction. One that is there already, the same in every character, is no difference. */
export async function importRows(
  { kysely }: Pick<Database, 'kysely'>,
  rows: readonly ImportedRow[],
): Promise<ImportOutcome> {
  const given = sql`json_to_recordset(${toJson(rows)}::json) as given (
    index integer, id text, "organizationId" text, "createdBy" text, "createdAt" timestamptz, type text, data json,
    version bigint
  )`
  const inserted = await sql`
    insert into interactions (id, organization_id, created_by, created_at, type, data, version)
    select id, "organizationId", "createdBy", "createdAt", type, data, version from ${given}
    on conflict (id) do nothing
    returning id`.execute(kysely)
  const stored = inserted.rows.length
  if (stored === rows.length) return { stored, differing: [] }
  const compared = await sql<{ index: number }>`
    select given.index
    from ${given} left join interactions as stored on stored.id = given.id
    where (stored.organization_id, stored.created_by, stored.created_at, stored.type, stored.data::text, stored.version)
      is distinct from
      (given."organizationId", given."createdBy", given."createdAt", given.type, given.data::text, given.version)
    order by given.index`.execute(kysely)
  return { stored, differing: compared.rows.map(({ index }) => index) }
}

/** `data` stands in the text as it was given, and PostgreSQL takes it out as it stands there. */
function toJson(rows: readonly ImportedRow[]): string {
  const objects = rows.map(
    ({ data, ...rest }, index) => `${JSON.stringify({ index, ...rest }).slice(0, -1)},"data":${data}}`,
  )
  return `[${objects.join(',')}]`
}
