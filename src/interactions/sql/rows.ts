// The rows of the table: their JSON text, and how they are found by id.
import { type RawBuilder, sql } from 'kysely'
import { type BatchLimits, batch, type Lists } from '../../database/batches/batches.ts'
import type { Database } from '../../database/database.ts'

/** A row; all members are texts as PostgreSQL wrote them, so that no number loses a digit. */
export interface InteractionRow {
  readonly id: string
  readonly organization_id: string
  readonly created_by: string
  /** UTC, such as `2025-01-20 22:00:00.928+00`, without trailing zeros in the fraction */
  readonly created_at: string
  readonly type: string | null
  /** the JSON text of an object, as it was given */
  readonly data: string
  /** a decimal number of 64 bits */
  readonly version: string
}

/** A row; its data is null when it belongs to another organization: a refusal must not cost more for a large row. */
export type FoundRow = InteractionRow | (Omit<InteractionRow, 'data'> & { readonly data: null })

/** Bytes of `data` that a page may load at once; the `data` of a larger page is loaded in pieces as it is read. */
export const maximumLoadBytes = 1_048_576

/** Bytes of `data` of such a piece, if it has more than one interaction. */
export const pieceBytes = 524_288

/** The columns of a row, except `data`. */
export const rowColumns = ['id', 'organization_id', 'created_by', 'created_at', 'type', 'version'] as const

/** The same columns of a table or subquery. */
export function columnsOf(table: 'interaction' | 'page') {
  return sql.join(rowColumns.map((column) => sql.ref(`${table}.${column}`)))
}

/** The columns that promote_interaction() takes out of `data` (migrations/0002_create_interactions.sql). */
export const promotedColumns = sql.raw(
  'customer_id, conference_id, on_hold_duration, media_recorded, cobrowse_recorded, tags, tags_beyond_index',
)

/** The size of the `data` of `interaction` in bytes. Uncompressed values report their size without being read. */
export const dataBytes = sql<number>`
  case
    when pg_column_compression(interaction.data) is null then pg_column_size(interaction.data)
    else octet_length(interaction.data::text)
  end`

/** The text of interactionJson() for the row `page`, written by PostgreSQL: cheaper in total for many rows. */
export const pageRowJson = sql<string>`format(
    '{"id":%s,"organizationId":%s,"createdBy":%s,"createdAt":"%s",%s"data":%s,"version":%s}',
    to_json(page.id), to_json(page.organization_id), to_json(page.created_by),
    to_char(page.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '"type":' || to_json(page.type) || ',',
    page.data, page.version
  )`

/** Returns the JSON text of an interaction; `type` is left out when it was never given. */
export function interactionJson(row: InteractionRow): string {
  const type = row.type === null ? '' : `"type":${JSON.stringify(row.type)},`
  return (
    `{"id":${JSON.stringify(row.id)},"organizationId":${JSON.stringify(row.organization_id)},` +
    `"createdBy":${JSON.stringify(row.created_by)},"createdAt":"${toIsoText(row.created_at)}",` +
    `${type}"data":${row.data},"version":${row.version}}`
  )
}

/** Converts PostgreSQL's text of a moment in UTC to ISO 8601 with milliseconds. */
export function toIsoText(moment: string): string {
  const [date = '', time = ''] = moment.split(' ')
  return `${date}T${time.slice(0, 8)}.${time.slice(9, -3).padEnd(3, '0')}Z`
}

export interface Wanted {
  readonly id: string
  /** the organization that may have its data; undefined: any */
  readonly organizationId: string | undefined
}

/** Prepares a function that finds an interaction by its id; several calls share a statement. */
export function prepareFind(
  database: Database,
  limits: BatchLimits,
): (wanted: Wanted, holder: string) => Promise<FoundRow | undefined> {
  const compose = (ids: readonly string[], isReadable: RawBuilder<boolean>) =>
    database.kysely
      .selectFrom('interactions')
      .select(rowColumns)
      .select(sql<string>`case when ${isReadable} then data end`.as('data'))
      .where('id', '=', sql<string>`any(${ids}::text[])`)
      .$castTo<FoundRow>()
      .compile()
  // most batches: looking up the organization of each id costs PostgreSQL 5 % of a read
  const selectOfOne = database.prepare(
    'find_interactions',
    ({ ids, organizationId }: { ids: readonly string[]; organizationId: string | undefined }) =>
      compose(ids, sql`organization_id = ${organizationId} or ${organizationId}::text is null`),
    { shares: 'reads' },
  )
  const selectOfSeveral = database.prepare(
    'find_interactions_of_several',
    ({ id, organizationId }: Lists<Wanted>) => {
      const wanted = sql`(${organizationId}::text[])[array_position(${id}::text[], id)]`
      return compose(id, sql`coalesce(organization_id = ${wanted}, true)`)
    },
    { shares: 'reads' },
  )
  const findTogether = async (wanted: readonly Wanted[]): Promise<(FoundRow | undefined)[]> => {
    const ids = wanted.map(({ id }) => id)
    const organizationId = wanted[0]?.organizationId
    if (wanted.every((one) => one.organizationId === organizationId)) {
      const rows = byId(await selectOfOne({ ids, organizationId }))
      return ids.map((id) => rows.get(id))
    }
    const rows = byId(
      await selectOfSeveral({ id: ids, organizationId: wanted.map((one) => one.organizationId) }),
    )
    // when several calls want the same interaction, the statement loads its data for the organization of the first
    const again = wanted.filter((one) => lacksData(one, rows.get(one.id)))
    const more = again.length === 0 ? [] : await findTogether(again)
    return wanted.map((one) => {
      const index = again.indexOf(one)
      return index < 0 ? rows.get(one.id) : more[index]
    })
  }
  return batch(findTogether, limits)
}

const byId = <Row extends { readonly id: string }>(rows: readonly Row[]) =>
  new Map(rows.map((row) => [row.id, row]))

/** Whether the row has no data although the one who wants it may have that. */
function lacksData({ organizationId }: Wanted, row: FoundRow | undefined): boolean {
  return row?.data === null && (organizationId ?? row.organization_id) === row.organization_id
}

/**
 * Prepares a function that returns the interactions with the given ids, in their order. Those of a large page may take
 * long, so it uses no shared connection.
 */
export function prepareFindAll(
  database: Database,
): (ids: readonly string[]) => Promise<(InteractionRow | undefined)[]> {
  const select = database.prepare('find_page_data', ({ ids }: { ids: readonly string[] }) =>
    database.kysely
      .selectFrom('interactions')
      .select([...rowColumns, 'data'])
      .where('id', '=', sql<string>`any(${ids}::text[])`)
      .compile(),
  )
  return async (ids) => {
    const rows = byId(await select({ ids }))
    return ids.map((id) => rows.get(id))
  }
}
