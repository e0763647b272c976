// The order and the page of a search, in SQL.
import { type Expression, type SqlBool, sql } from 'kysely'

/** The properties that a search can be sorted by, with their columns. */
export const sortColumns = {
  id: 'id',
  organizationId: 'organization_id',
  createdBy: 'created_by',
  createdAt: 'created_at',
  type: 'type',
  version: 'version',
} as const

export type SortProperty = keyof typeof sortColumns

export interface Order {
  readonly property: SortProperty
  readonly direction: 'asc' | 'desc'
  /** compares texts in lower case; has no effect on other properties */
  readonly ignoreCase: boolean
}

export interface Pageable {
  /** 0-based, up to 2^31 - 1 */
  readonly page: number
  /** 1 to 2000 */
  readonly size: number
  /** as requested, most significant first; empty: newest first */
  readonly sort: readonly Order[]
}

/** A position in (created_at, id) order: after the interaction with these values. */
export interface Cursor {
  /** a timestamp as PostgreSQL reads it */
  readonly createdAt: string
  readonly id: string
}

/** Makes the requested order total by the id, in the direction of the last property so that one index scan serves. */
export function totalOrder(sort: readonly Order[]): Order[] {
  const last = sort.at(-1)
  if (last === undefined)
    return [
      { property: 'createdAt', direction: 'desc', ignoreCase: false },
      { property: 'id', direction: 'desc', ignoreCase: false },
    ]
  const isTotal = sort.some((order) => order.property === 'id' && !order.ignoreCase)
  return isTotal ? [...sort] : [...sort, { property: 'id', direction: last.direction, ignoreCase: false }]
}

/** Returns the total order without what has no effect, so that requests for the same order share a statement. */
export function significantOrder(sort: readonly Order[]): Order[] {
  const orders = totalOrder(sort).map((order) => ({
    ...order,
    ignoreCase: order.ignoreCase && isText(order.property),
  }))
  const unique = orders.findIndex(({ property, ignoreCase }) => property === 'id' && !ignoreCase)
  return orders.slice(0, unique + 1)
}

/** Whether this is the order of the indexes by date, or its reverse. */
export function isByDate(sort: readonly Order[]): boolean {
  const [first, second, ...others] = totalOrder(sort)
  return (
    first?.property === 'createdAt' &&
    second?.property === 'id' &&
    first.direction === second.direction &&
    others.length === 0
  )
}

/**
 * Keyset predicate: rows after a cursor in (created_at, id) order, and the row at the cursor if `isIncluded`. It compares
 * the date by itself as well: an index scan starts at a bound of one column only.
 */
export function isAfter(
  table: 'matching' | 'interaction',
  { createdAt, id }: { readonly createdAt: Expression<unknown>; readonly id: Expression<unknown> },
  { direction, isIncluded }: { direction: Order['direction']; isIncluded: boolean },
): Expression<SqlBool> {
  const beyond = sql.raw(direction === 'desc' ? '<' : '>')
  const comparison = isIncluded ? sql`${beyond}=` : beyond
  const [date, key] = [sql.ref(`${table}.created_at`), sql.ref(`${table}.id`)]
  return sql`${date} ${beyond}= ${createdAt} and (${date}, ${key}) ${comparison} (${createdAt}, ${id})`
}

/** The ORDER BY list for a table or subquery that has the columns to sort by. */
export function orderBy(table: 'matching' | 'interaction' | 'page', orders: readonly Order[]) {
  return sql.join(orders.map((order) => sql`${sortKey(table, order)} ${sql.raw(order.direction)}`))
}

function sortKey(table: string, { property, ignoreCase }: Order) {
  const column = sql.ref(`${table}.${sortColumns[property]}`)
  return ignoreCase && isText(property) ? sql`lower(${column} collate "default") collate "C"` : column
}

function isText(property: SortProperty): boolean {
  return property !== 'createdAt' && property !== 'version'
}
