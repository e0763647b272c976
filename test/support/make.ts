// Stored rows, search URLs and the exact text of `data`, for the tests that use a database.
import { type Kysely, sql } from 'kysely'
import type { Tables } from '../../src/database/tables.ts'

export interface StoredInteraction {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  /** milliseconds since 1970 */
  readonly createdAt: number
  readonly type: string | null
  /** the JSON text of an object */
  readonly data: string
  readonly version: number
}

/** Inserts rows directly into the table, bypassing the service. */
export async function storeInteractions(
  kysely: Kysely<Tables>,
  rows: readonly StoredInteraction[],
): Promise<void> {
  const all = <Value>(read: (row: StoredInteraction) => Value) => sql.val(rows.map(read))
  await sql`
    insert into interactions (id, organization_id, created_by, created_at, type, data, version)
    select * from unnest(
      ${all((row) => row.id)}::text[],
      ${all((row) => row.organizationId)}::text[],
      ${all((row) => row.createdBy)}::text[],
      ${all((row) => new Date(row.createdAt).toISOString())}::timestamptz[],
      ${all((row) => row.type)}::text[],
      ${all((row) => row.data)}::json[],
      ${all((row) => row.version)}::bigint[]
    )`.execute(kysely)
}

/** Returns the number of stored interactions of all organizations. */
export async function countInteractions(kysely: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ total: number }>`select count(*)::int as total from interactions`.execute(
    kysely,
  )
  return rows[0]?.total ?? 0
}

/** The widest range that a search accepts. */
export const always = { start: '0001-01-01T00:00:00Z', end: '9999-12-31T23:59:59.999999999Z' } as const

/** Returns the query string of a search. An array repeats its parameter. */
export function query(parameters: Readonly<Record<string, string | readonly string[]>>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  )
  return `?${new URLSearchParams(pairs)}`
}

/** Returns the exact text of `data` in a response body that contains one interaction. */
export function dataText(body: string): string {
  return body.slice(body.indexOf('"data":') + '"data":'.length, body.lastIndexOf(',"version":'))
}

/** Returns a random text of `length` characters of four bytes each, which hardly compresses. */
export function wideText(length: number): string {
  const astral = () => String.fromCodePoint(0x1_00_00 + Math.floor(Math.random() * 0x10_00_00))
  return Array.from({ length }, astral).join('')
}
