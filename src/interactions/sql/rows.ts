// An interaction as the database gives it, and as the caller gets it: from text to text.
import { sql } from 'kysely'

/** Members are texts as PostgreSQL wrote them, so that no number loses a digit. */
export interface InteractionRow {
  readonly id: string
  readonly organization_id: string
  readonly created_by: string
  /** such as `2025-01-20 22:00:00.928+00`: in UTC, to the millisecond, without trailing zeros */
  readonly created_at: string
  readonly type: string | null
  /** the JSON text of an object, as it was given */
  readonly data: string
  /** a decimal number of 64 bits */
  readonly version: string
}

/** How much data, in bytes, is loaded at once; the data of a page beyond it are loaded in pieces. */
export const largestLoad = 4_194_304

/** What to select; all but the data. */
export const rowColumns = ['id', 'organization_id', 'created_by', 'created_at', 'type', 'version'] as const

/** The same, of a table or subquery of that name in the statement. */
export function columnsOf(table: 'interaction' | 'page') {
  return sql.join(rowColumns.map((column) => sql.ref(`${table}.${column}`)))
}

/** What is promoted out of `data`, by the function of that name (see its migration). */
export const promotedColumns = sql.raw(
  'customer_id, conference_id, on_hold_duration, media_recorded, cobrowse_recorded, tags, tags_beyond_index',
)

/** How large the data of `interaction` are. What is stored as it is tells its size without being read. */
export const dataBytes = sql<number>`
  case
    when pg_column_compression(interaction.data) is null then pg_column_size(interaction.data)
    else octet_length(interaction.data::text)
  end`

/**
 * The same text as `interactionJson` gives, of `page`, written by PostgreSQL: of many rows at once, that takes less work
 * in all.
 */
export const pageRowJson = sql<string>`format(
    '{"id":%s,"organizationId":%s,"createdBy":%s,"createdAt":"%s",%s"data":%s,"version":%s}',
    to_json(page.id), to_json(page.organization_id), to_json(page.created_by),
    to_char(page.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '"type":' || to_json(page.type) || ',',
    page.data, page.version
  )`

/** The JSON text of an interaction; `type` is left out when it was never given. */
export function interactionJson(row: InteractionRow): string {
  const type = row.type === null ? '' : `"type":${JSON.stringify(row.type)},`
  return (
    `{"id":${JSON.stringify(row.id)},"organizationId":${JSON.stringify(row.organization_id)},` +
    `"createdBy":${JSON.stringify(row.created_by)},"createdAt":"${toIsoText(row.created_at)}",` +
    `${type}"data":${row.data},"version":${row.version}}`
  )
}

/** PostgreSQL's text of a moment in UTC as ISO 8601 has it, with three digits of fraction. */
export function toIsoText(moment: string): string {
  const [date = '', time = ''] = moment.split(' ')
  return `${date}T${time.slice(0, 8)}.${time.slice(9, -3).padEnd(3, '0')}Z`
}
