// The statement of a search: it finds the rows of the page, and counts only when the page does not determine the total.
import { type CompiledQuery, type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import type { Lists } from '../../database/batches/batches.ts'
import type { Tables } from '../../database/tables.ts'
import { keptRange, keptStart, keptTotal } from '../../totals/kept-range.ts'
import {
  conditions,
  isRangeAlone,
  matching,
  type Operands,
  ofOrganization,
  type RangeValues,
  rangeTypes,
  type Shape,
} from './matching.ts'
import { isAfter, isByDate, orderBy, totalOrder } from './order.ts'
import { columnsOf, dataBytes, maximumLoadBytes, pageRowJson } from './rows.ts'

/** The result of a search, one row. */
export interface SearchRow {
  /** how many interactions are on the page */
  readonly found: string
  /** how many match, on all pages */
  readonly total: string
  /** the JSON texts of the page, separated by commas; null when there are none, or their data is too large */
  readonly text: string | null
  /** instead of the text when the data is too large: each id, and about how many bytes its data has */
  readonly ids: readonly string[] | null
  readonly sizes: readonly number[] | null
}

/** Compiles the statement that finds one page and the total. */
export function composeSearch(
  kysely: Kysely<Tables>,
  shape: Shape,
  values: Operands,
): CompiledQuery<SearchRow> {
  return sql<SearchRow>`${search(kysely, shape, values, sql.lit(maximumLoadBytes))}`.compile(kysely)
}

/**
 * The same statement as a part of another one.
 * @param load how many bytes of data the page may load
 */
export function search(kysely: Kysely<Tables>, shape: Shape, values: Operands, load: Expression<unknown>) {
  const order = orderBy('page', totalOrder(shape.sort))
  const offset = shape.given.includes('offset') ? sql`${values.offset}::bigint` : sql.lit(0)
  const count = isKept(shape)
    ? keptTotal
    : sql`(select count(*) from (${matching(kysely, shape, values)}) as matching)`
  return sql`
    ${kept(shape, values)}
    select answer.*,
      case
        when found = ${values.size}::bigint or (found = 0 and ${offset} > 0) then ${count}
        else ${offset} + found
      end as total
    from (
      select count(*) as found,
        string_agg(${pageRowJson}, ',' order by ${order}) filter (where bytes <= ${load}) as text,
        array_agg(page.id order by ${order}) filter (where bytes > ${load}) as ids,
        array_agg(page.data_bytes order by ${order}) filter (where bytes > ${load}) as sizes
      from (
        select page.*, sum(page.data_bytes) over () as bytes from (${page(kysely, shape, values)}) as page
      ) as page
    ) as answer`
}

const isKept = (shape: Shape) => shape.keepsTotals && isRangeAlone(shape)

/** Whether the matching rows are consecutive in an index by date. */
const isByDateAlone = (shape: Shape) => isRangeAlone(shape) && isByDate(shape.sort)

/** Whether the kept totals give both the total and where the page begins, so that every page costs the same. */
export const isFoundByTotals = (shape: Shape) => shape.keepsTotals && isByDateAlone(shape)

const isStartKept = (shape: Shape) => isFoundByTotals(shape) && shape.given.includes('offset')

/** The WITH clause that reads the kept totals, when they are used. */
function kept(shape: Shape, values: Operands) {
  if (!isKept(shape)) return sql``
  const organizationId = shape.given.includes('organizationId') ? sql`${values.organizationId}` : undefined
  const range = keptRange({
    from: sql`${values.createdFrom}`,
    to: sql`${values.createdTo}`,
    organizationId,
    belongs: ofOrganization(organizationId),
  })
  const start = keptStart(organizationId, sql`${values.offset}`, directionOf(shape))
  return isStartKept(shape) ? sql`with ${range}, ${start}` : sql`with ${range}`
}

const directionOf = ({ sort }: Shape) => totalOrder(sort)[0]?.direction ?? 'desc'

/** The rows of the page. Sorting and skipping read an index alone wherever it has all columns for it. */
function page(kysely: Kysely<Tables>, shape: Shape, values: Operands) {
  const columns = sql`${columnsOf('interaction')}, interaction.data, ${dataBytes} as data_bytes`
  const isFurther = shape.given.includes('offset')
  const order = totalOrder(shape.sort)
  if (!isByDateAlone(shape))
    return sql`
      select ${columns}
      from (
        select id from (${matching(kysely, shape, values)}) as matching
        order by ${orderBy('matching', order)} limit ${values.size}
        ${isFurther ? sql`offset ${values.offset}` : sql``}
      ) as found
      join interactions as interaction on interaction.id = found.id`
  const first = { createdAt: sql`(select created_at from first)`, id: sql`(select id from first)` }
  const isOnPage = isAfter('interaction', first, { direction: directionOf(shape), isIncluded: true })
  return sql`
    ${isFurther ? sql`with first as materialized (${firstRow(kysely, shape, values)})` : sql``}
    select ${columns} from interactions as interaction
    where ${sql.join([...conditions(shape, values), isFurther ? isOnPage : sql<SqlBool>`true`], sql` and `)}
    order by ${orderBy('interaction', order)} limit ${values.size}`
}

/** Selects the first row of a further page in order of date. */
function firstRow(kysely: Kysely<Tables>, shape: Shape, values: Operands) {
  const orAfter = directionOf(shape) === 'desc' ? sql`<=` : sql`>=`
  const [isReached, skipped] = isStartKept(shape)
    ? [sql`created_at ${orAfter} (select bound from start)`, sql`(select skip from start)`]
    : [sql`true`, values.offset]
  return sql`
    select created_at, id from (${matching(kysely, shape, values)}) as matching
    where ${isReached}
    order by ${orderBy('matching', totalOrder(shape.sort))} limit 1 offset ${skipped}`
}

/** The parameters of several searches by date. */
export type SearchLists = Lists<RangeValues> & {
  /** how many bytes of data each page may load */
  readonly load: number
}

/** Bytes of data that all pages of a batch load together. */
export const batchLoadBytes = 4_194_304

/** Returns the parameters of several searches. */
export function toSearchLists(searches: readonly RangeValues[]): SearchLists {
  return {
    createdFrom: searches.map(({ createdFrom }) => createdFrom),
    createdTo: searches.map(({ createdTo }) => createdTo),
    organizationId: searches.map(({ organizationId }) => organizationId),
    size: searches.map(({ size }) => size),
    offset: searches.map(({ offset }) => offset),
    load: Math.min(maximumLoadBytes, Math.floor(batchLoadBytes / searches.length)),
  }
}

const rangeNames: readonly (keyof RangeValues)[] = [
  'createdFrom',
  'createdTo',
  'organizationId',
  'size',
  'offset',
]

/** Compiles the statement of several searches. It returns a row for each, with its number from 1. */
export function composeSearches(
  kysely: Kysely<Tables>,
  shape: Shape,
  lists: SearchLists,
): CompiledQuery<SearchRow & { readonly number: string }> {
  const names = rangeNames.filter((name) => shape.given.includes(name))
  const values = Object.fromEntries(names.map((name) => [name, sql.ref(`asked.${name}`)]))
  const given = names.map((name) => sql`${lists[name]}::${sql.raw(rangeTypes[name])}[]`)
  return sql<SearchRow & { readonly number: string }>`
    select answer.*, asked.number
    from unnest(${sql.join(given)}) with ordinality as asked (${sql.join(names.map((name) => sql.ref(name)))}, number)
    cross join lateral (${search(kysely, shape, values, sql`${lists.load}::bigint`)}) as answer`.compile(
    kysely,
  )
}
