// A scan over all matching interactions in (created_at, id) order: short statements, each of which continues at the cursor
// of the one before, so that no connection is held while the consumer is slow.
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Tables } from '../../database/tables.ts'
import type { Admission } from '../../http/admission.ts'
import { type Criteria, matching, type Shape, toShape, toValues, type Values } from './matching.ts'
import { type Cursor, isAfter, type Order, orderBy, totalOrder } from './order.ts'
import { prepareByShape } from './prepared-statements.ts'
import { columnsOf, dataBytes, type InteractionRow } from './rows.ts'

export interface ScanOptions {
  readonly direction: Order['direction']
  /** where to continue; undefined: at the beginning */
  readonly after?: Cursor | undefined
  /** whose turn it takes among scans */
  readonly holder?: string
  /** ends the scan */
  readonly signal?: AbortSignal
}

/**
 * Yields each interaction once that matches during the whole scan, in its state when its batch is read. One that is
 * created or removed in the meantime may be included. No batch is empty; none is much larger than 256 KiB and its
 * largest interaction.
 */
export type Scan = (criteria: Criteria, options: ScanOptions) => AsyncGenerator<readonly InteractionRow[]>

/** Rows of a batch; the first batch is the smallest, so that it arrives at once. */
const batchSize = { first: 50, maximum: 500 } as const

/** A batch ends when its data has so many bytes. */
const batchBytes = 262_144

interface ScanSettings {
  /** gives each statement its turn: a scan that waits uses no connection */
  readonly admit: Admission
  /** how long a statement may run, in milliseconds; undefined: as long as any */
  readonly timeoutMs: number | undefined
  /** runs a read until it succeeds, as the repository does for all others */
  readonly retry: <Result>(read: () => Promise<Result>) => Promise<Result>
}

/** Prepares scans. */
export function prepareScan(database: Database, { admit, timeoutMs, retry }: ScanSettings): Scan {
  const run = prepareByShape(database, { name: 'scan_interactions', maximum: 32, compose: composeBatch })

  return async function* scan(criteria, { direction, after, holder = '', signal }) {
    const sort = [{ property: 'createdAt', direction, ignoreCase: false }] as const
    const options = { holder, timeoutMs, signal }
    let size: number = batchSize.first
    for (let cursor = after; ; ) {
      const pageable = { page: 0, size, sort }
      const values = {
        ...toValues(criteria, pageable),
        afterCreatedAt: cursor?.createdAt,
        afterId: cursor?.id,
      }
      const shape = toShape(criteria, pageable, values, false)
      const rows = await admit(holder, () => retry(() => run(shape, values, options)), signal)
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows
      const bytes = rows.reduce((sum, { data_bytes }) => sum + data_bytes, 0)
      if (rows.length < size && bytes < batchBytes) return
      cursor = { createdAt: last.created_at, id: last.id }
      // the next rows may be smaller
      size = Math.min(2 * rows.length, batchSize.maximum)
    }
  }
}

type BatchRow = InteractionRow & { readonly data_bytes: number }
type BatchValues = Values & {
  readonly afterCreatedAt: string | undefined
  readonly afterId: string | undefined
}

function composeBatch(kysely: Kysely<Tables>, shape: Shape, values: BatchValues): CompiledQuery<BatchRow> {
  const order = totalOrder(shape.sort)
  // finds the ids first, in an index alone wherever it has all columns for it
  return sql<BatchRow>`
    select ${columnsOf('page')}, page.data, page.data_bytes
    from (
      select ${columnsOf('interaction')}, interaction.data, ${dataBytes} as data_bytes,
        sum(${dataBytes}) over (order by ${orderBy('interaction', order)} rows unbounded preceding) as bytes
      from (
        select id from (${matching(kysely, shape, values)}) as matching
        where ${isAfterCursor(shape, values)}
        order by ${orderBy('matching', order)}
        limit ${values.size}
      ) as found
      join interactions as interaction on interaction.id = found.id
    ) as page
    where page.bytes - page.data_bytes < ${sql.lit(batchBytes)}
    order by ${orderBy('page', order)}`.compile(kysely)
}

function isAfterCursor({ given, sort }: Shape, { afterCreatedAt, afterId }: BatchValues) {
  if (!given.includes('afterId')) return sql`true`
  const cursor = { createdAt: sql`${afterCreatedAt}::timestamptz`, id: sql`${afterId}::text` }
  return isAfter('matching', cursor, { direction: sort[0]?.direction ?? 'desc', isIncluded: false })
}
