// An interaction as the database gives it, and as the caller gets it: from text to text.
import { sql } from 'kysely'

/** Members are texts as PostgreSQL wrote them, so that no number loses a digit. */
export interface InteractionRow {
  readonly id: string
  readonly organization_id: string
  readonly created_by: string
  /** UTC, ISO 8601, milliseconds */
  readonly created_at_text: string
  readonly type: string | null
  /** the JSON text of an object, as it was given */
  readonly data_text: string
  /** a decimal number of 64 bits */
  readonly version: string
}

/** How much data, in bytes, is loaded at once; what goes beyond it is loaded later. */
export const largestLoad = 4_194_304

/** A row of a page: the first ones have their data, as long as these are not too large together. */
export type FoundRow = Omit<InteractionRow, 'data_text'> & {
  readonly data_text: string | null
  readonly data_bytes: number
}

/** What to select of the table, named `interaction` in the statement; all but the data. */
export const rowColumns = [
  sql<string>`interaction.id`.as('id'),
  sql<string>`interaction.organization_id`.as('organization_id'),
  sql<string>`interaction.created_by`.as('created_by'),
  sql<string>`to_char(interaction.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`.as(
    'created_at_text',
  ),
  sql<string | null>`interaction.type`.as('type'),
  sql<string>`interaction.version`.as('version'),
] as const

export const dataColumn = sql<string>`interaction.data::text`.as('data_text')

/** The JSON text of an interaction; `type` is left out when it was never given. */
export function interactionJson(row: InteractionRow): string {
  const type = row.type === null ? '' : `"type":${JSON.stringify(row.type)},`
  return (
    `{"id":${JSON.stringify(row.id)},"organizationId":${JSON.stringify(row.organization_id)},` +
    `"createdBy":${JSON.stringify(row.created_by)},"createdAt":"${row.created_at_text}",` +
    `${type}"data":${row.data_text},"version":${row.version}}`
  )
}
