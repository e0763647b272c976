// A walk over everything that matches, in order of date: batch after batch, each a short statement of its own, so that
// no connection is held while whoever takes them is slow.
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import pLimit from 'p-limit'
import type { Database } from '../../database/database.ts'
import { retry } from '../../database/retry.ts'
import type { Tables } from '../../database/tables.ts'
import { type Criteria, matching, type Shape, toShape, toValues, type Values } from './filters.ts'
import { isBehind, orderBy, totalOrder } from './order.ts'
import { prepareShapes } from './prepared-statements.ts'
import { columnsOf, dataBytes, type InteractionRow } from './rows.ts'

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

/**
 * Gives each interaction once that matches throughout the walk, as it is when its batch is read; one that is created or
 * removed meanwhile may be given or not. No batch is empty, none much larger than its largest interaction and 256 KiB.
 * A batch that fails in passing is read again.
 */
export type Walk = (criteria: Criteria, options: WalkOptions) => AsyncGenerator<readonly InteractionRow[]>

/** How many rows a batch may have; the first has the fewest, so that it comes at once. */
const batchSize = { first: 50, most: 500 } as const

/** Once its data have so many bytes, a batch is full. */
const batchBytes = 262_144

/**
 * To be called once for a database, as its statements are prepared by name.
 * @param atOnce how many connections all walks together take; one that waits for its turn holds none
 */
export function prepareWalk(database: Database, { atOnce }: { readonly atOnce: number }): Walk {
  const turn = pLimit(atOnce)
  const run = prepareShapes(database, { name: 'walk_interactions', most: 32, compose: composeBatch })

  return async function* walk(criteria, { direction, after }) {
    const sort = [{ property: 'createdAt', direction, ignoreCase: false }] as const
    let size: number = batchSize.first
    for (let place = after; ; ) {
      const pageable = { page: 0, size, sort }
      const values = { ...toValues(criteria, pageable), placeCreatedAt: place?.createdAt, placeId: place?.id }
      const shape = toShape(criteria, pageable, values, false)
      const rows = await turn(() => retry(() => run(shape, values), database.retryTimeoutMs))
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
}

type BatchRow = InteractionRow & { readonly data_bytes: number }
type BatchValues = Values & {
  readonly placeCreatedAt: string | undefined
  readonly placeId: string | undefined
}

function composeBatch(kysely: Kysely<Tables>, shape: Shape, values: BatchValues): CompiledQuery<BatchRow> {
  const order = totalOrder(shape.sort)
  // the ids are found first, in an index alone where it can tell all that is asked for
  return sql<BatchRow>`
    select ${columnsOf('page')}, page.data, page.data_bytes
    from (
      select ${columnsOf('interaction')}, interaction.data, ${dataBytes} as data_bytes,
        sum(${dataBytes}) over (order by ${orderBy('interaction', order)} rows unbounded preceding) as bytes
      from (
        select id from (${matching(kysely, shape, values)}) as matching
        where ${isLater(shape, values)}
        order by ${orderBy('matching', order)}
        limit ${values.size}
      ) as found
      join interactions as interaction on interaction.id = found.id
    ) as page
    where page.bytes - page.data_bytes < ${sql.lit(batchBytes)}
    order by ${orderBy('page', order)}`.compile(kysely)
}

/** Whether it comes later in the walk than the place where the batch begins, if it has one. */
function isLater({ given, sort }: Shape, { placeCreatedAt, placeId }: BatchValues) {
  if (!given.includes('placeId')) return sql`true`
  const place = { createdAt: sql`${placeCreatedAt}::timestamptz`, id: sql`${placeId}::text` }
  return isBehind('matching', place, { direction: sort[0]?.direction ?? 'desc', isIncluded: false })
}
