// A walk over everything that matches, in order of date: batch after batch, each a short statement of its own, so that
// no connection is held while whoever takes them is slow.
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import type { Criteria } from './criteria.ts'
import { matching, type Shape, toShape, toValues, type Values } from './matching.ts'
import { orderBy, totalOrder } from './order.ts'
import { columnsOf, dataBytes, type InteractionRow } from './row.ts'

/** Where a walk stands: behind that interaction. */
export interface Place {
  /** a timestamp as PostgreSQL reads it */
  readonly createdAt: string
  readonly id: string
}

export interface WalkOptions {
  readonly direction: 'asc' | 'desc'
  /** where to go on; undefined: at the beginning */
  readonly after?: Place | undefined
}

/** Walks over what matches; see `walkInteractions`. */
export type Walk = (criteria: Criteria, options: WalkOptions) => AsyncGenerator<readonly InteractionRow[]>

/** How many rows a batch may have; the first has the fewest, so that it comes at once. */
const batchSize = { first: 50, most: 500 } as const

/** Once its data have so many bytes, a batch is full. */
const batchBytes = 262_144

/**
 * Gives each interaction once that matches throughout the walk, as it is when its batch is read; one that is created or
 * removed meanwhile may be given or not. No batch is empty, none much larger than its largest interaction and 256 KiB.
 */
export async function* walkInteractions(
  { kysely }: Pick<Database, 'kysely'>,
  criteria: Criteria,
  { direction, after }: WalkOptions,
): AsyncGenerator<readonly InteractionRow[]> {
  let size: number = batchSize.first
  for (let place = after; ; ) {
    const { rows } = await kysely.executeQuery(composeBatch(kysely, criteria, { direction, size, place }))
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    const bytes = rows.reduce((sum, { data_bytes }) => sum + data_bytes, 0)
    if (rows.length < size && bytes < batchBytes) return
    place = { createdAt: last.created_at, id: last.id }
    // as many as fit, and room for more should the next ones be smaller
    size = Math.min(2 * rows.length, batchSize.most)
  }
}

type BatchRow = InteractionRow & { readonly data_bytes: number }

interface BatchOptions {
  readonly direction: 'asc' | 'desc'
  readonly size: number
  readonly place: Place | undefined
}

function composeBatch(kysely: Kysely<Tables>, criteria: Criteria, { direction, size, place }: BatchOptions) {
  const pageable = { page: 0, size, sort: [{ property: 'createdAt', direction, ignoreCase: false }] } as const
  const values: Values = toValues(criteria, pageable)
  const shape: Shape = toShape(criteria, pageable, values, false)
  const order = totalOrder(pageable.sort)
  // the ids are found first, in an index alone where it can tell all that is asked for
  return sql<BatchRow>`
    select ${columnsOf('page')}, page.data, page.data_bytes
    from (
      select ${columnsOf('interaction')}, interaction.data, ${dataBytes} as data_bytes,
        sum(${dataBytes}) over (order by ${orderBy('interaction', order)} rows unbounded preceding) as bytes
      from (
        select id from (${matching(kysely, shape, values)}) as matching
        where ${isBehind(place, direction)}
        order by ${orderBy('matching', order)}
        limit ${size}
      ) as found
      join interactions as interaction on interaction.id = found.id
    ) as page
    where page.bytes - page.data_bytes < ${sql.lit(batchBytes)}
    order by ${orderBy('page', order)}`.compile(kysely)
}

function isBehind(place: Place | undefined, direction: 'asc' | 'desc') {
  if (place === undefined) return sql`true`
  const comparison = sql.raw(direction === 'asc' ? '>' : '<')
  return sql`(matching.created_at, matching.id) ${comparison} (${place.createdAt}::timestamptz, ${place.id}::text)`
}
