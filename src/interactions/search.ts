// The search: first the ids of the page, which an index alone can give, then the rows of these ids.
import {
  type Expression,
  type ExpressionBuilder,
  expressionBuilder,
  type Kysely,
  type SqlBool,
  sql,
} from 'kysely'
import type { Tables } from '../database/tables.ts'
import type { Criteria } from './criteria.ts'
import { type Order, type Pageable, sortColumns, totalFromPage } from './page.ts'
import { type InteractionRow, interactionColumns } from './row.ts'

export interface SearchResult {
  /** in the order asked for */
  readonly rows: readonly InteractionRow[]
  /** how many interactions match, on all pages */
  readonly total: number
}

/**
 * Finds one page of the interactions that match, newest first unless another order is asked for; the id breaks ties.
 * They are counted only when the page cannot tell the total. Not prepared by name: a plan that is made without
 * knowing the range and the organization would be a bad one.
 */
export async function searchInteractions(
  kysely: Kysely<Tables>,
  criteria: Criteria,
  pageable: Pageable,
): Promise<SearchResult> {
  const rows = await findPage(kysely, criteria, pageable)
  return { rows, total: totalFromPage(pageable, rows.length) ?? (await count(kysely, criteria)) }
}

function findPage(
  kysely: Kysely<Tables>,
  criteria: Criteria,
  { page, size, sort }: Pageable,
): Promise<InteractionRow[]> {
  const orders = totalOrder(sort)
  const ids = kysely
    .selectFrom(matching(kysely, criteria).as('matching'))
    .select('id')
    .orderBy(orderBy('matching', orders))
    .limit(size)
    .offset(page * size)
  return kysely
    .selectFrom(ids.as('page'))
    .innerJoin('interactions as interaction', 'interaction.id', 'page.id')
    .select(interactionColumns)
    .orderBy(orderBy('interaction', orders))
    .execute()
}

async function count(kysely: Kysely<Tables>, criteria: Criteria): Promise<number> {
  const { total } = await kysely
    .selectFrom(matching(kysely, criteria).as('matching'))
    .select((expression) => expression.fn.countAll<string>().as('total'))
    .executeTakeFirstOrThrow()
  return Number(total)
}

/** Every interaction that matches, with what it can be ordered by: one fragment, so that page and count agree. */
function matching(kysely: Kysely<Tables>, criteria: Criteria) {
  const narrowed = kysely
    .selectFrom('interactions')
    .select(['id', 'organization_id', 'created_by', 'created_at', 'type', 'version'])
    .where((expression) => expression.and([...conditions(expression, criteria)]))
  if (criteria.tags === undefined) return narrowed
  const tagged = sql<SqlBool>`tags ?| ${criteria.tags}::text[]`
  // two disjoint parts, so that the first is found in the index alone and the second, being small, by its own index
  const taggedInData = sql<SqlBool>`case when (data -> 'tags')::text ~ ${arrayOfStrings}
    then (data -> 'tags')::jsonb ?| ${criteria.tags}::text[] else false end`
  return narrowed.where(tagged).unionAll(narrowed.where('tags_beyond_index', '=', true).where(taggedInData))
}

/** Matches the JSON text of an array of strings, as the generated column `tags` has it. */
const arrayOfStrings = String.raw`^\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]$`

function* conditions(
  { eb }: ExpressionBuilder<Tables, 'interactions'>,
  criteria: Criteria,
): Generator<Expression<SqlBool>> {
  yield eb('created_at', '>=', criteria.createdFrom)
  yield eb('created_at', '<=', criteria.createdTo)
  if (criteria.organizationId !== undefined) yield eb('organization_id', '=', criteria.organizationId)
  if (criteria.types !== undefined) yield* equalsByPrefix('type', criteria.types)
  if (criteria.createdBy !== undefined) yield* equalsByPrefix('created_by', [criteria.createdBy])
  for (const recorded of criteria.mediaRecorded) yield eb('media_recorded', '=', recorded)
  for (const recorded of criteria.cobrowseRecorded) yield eb('cobrowse_recorded', '=', recorded)
  if (criteria.customerId !== undefined) yield eb('customer_id', '=', criteria.customerId)
  if (criteria.conferenceId !== undefined) yield eb('conference_id', '=', criteria.conferenceId)
  if (criteria.onHoldDurationAbove !== undefined)
    yield eb('on_hold_duration', '>', criteria.onHoldDurationAbove)
  if (criteria.onHoldDurationBelow !== undefined)
    yield eb('on_hold_duration', '<', criteria.onHoldDurationBelow)
}

/** How many characters the index carries of each, as in the migration. */
const prefixLengths = { type: 40, created_by: 64 } as const

/** The index carries a prefix; only a value that it may cut is compared with the row as well. */
function* equalsByPrefix(
  column: keyof typeof prefixLengths,
  values: readonly string[],
): Generator<Expression<SqlBool>> {
  const eb = expressionBuilder<Tables, 'interactions'>()
  const length = prefixLengths[column]
  const prefixes = values.map((value) => [...value].slice(0, length).join(''))
  yield eb(`${column}_prefix`, '=', eb.fn.any(eb.val(prefixes)))
  if (values.some((value) => [...value].length >= length))
    yield eb(column, '=', eb.fn.any(eb.val([...values])))
}

/** The order asked for, made total by the id; in the direction of the last property, so that one index walk serves. */
function totalOrder(sort: readonly Order[]): Order[] {
  const last = sort.at(-1)
  if (last === undefined)
    return [
      { property: 'createdAt', direction: 'desc', ignoreCase: false },
      { property: 'id', direction: 'desc', ignoreCase: false },
    ]
  const isTotal = sort.some((order) => order.property === 'id' && !order.ignoreCase)
  return isTotal ? [...sort] : [...sort, { property: 'id', direction: last.direction, ignoreCase: false }]
}

function orderBy(table: 'matching' | 'interaction', orders: readonly Order[]) {
  return sql.join(orders.map((order) => sql`${sortKey(table, order)} ${sql.raw(order.direction)}`))
}

function sortKey(table: string, { property, ignoreCase }: Order) {
  const column = sql.ref(`${table}.${sortColumns[property]}`)
  const isText = property !== 'createdAt' && property !== 'version'
  return ignoreCase && isText ? sql`lower(${column} collate "default") collate "C"` : column
}
