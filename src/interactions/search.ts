// The search: one statement that finds the rows of the page, and counts only when the page cannot tell the total.
import {
  type CompiledQuery,
  type Expression,
  expressionBuilder,
  type Kysely,
  type SqlBool,
  sql,
} from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import type { Criteria } from './criteria.ts'
import { isByDate, orderBy, totalOrder } from './order.ts'
import type { Order, Pageable } from './page.ts'
import { columnsOf, dataBytes, type FoundRow, largestLoad } from './row.ts'

export interface SearchResult {
  /** in the order asked for */
  readonly rows: readonly FoundRow[]
  /** how many interactions match, on all pages */
  readonly total: number
}

/** A search that finds nothing gives one row all the same, for the total. */
type SearchRow = { readonly [Column in keyof FoundRow]: FoundRow[Column] | null } & {
  readonly total: string
}

/** What a statement is composed of; equal shapes have the same statement. */
interface Shape {
  readonly given: readonly string[]
  readonly mediaRecorded: readonly boolean[]
  readonly cobrowseRecorded: readonly boolean[]
  readonly sort: readonly Order[]
}

/** How many shapes are prepared by name, on each connection; callers may think of any number of others. */
const preparedShapes = 64

/** Statements are compiled when their shape is first asked for. */
export function prepareSearch(
  database: Database,
): (criteria: Criteria, pageable: Pageable) => Promise<SearchResult> {
  const prepared = new Map<string, (values: Values) => Promise<SearchRow[]>>()

  function run(criteria: Criteria, pageable: Pageable): Promise<readonly SearchRow[]> {
    const values = toValues(criteria, pageable)
    const shape = toShape(criteria, pageable, values)
    const key = JSON.stringify(shape)
    const known = prepared.get(key)
    if (known !== undefined) return known(values)
    if (prepared.size === preparedShapes) return runOnce(database.kysely, criteria, pageable)
    const statement = database.prepare(`search_interactions_${prepared.size}`, (parameters: Values) =>
      composeSearch(database.kysely, shape, parameters),
    )
    prepared.set(key, statement)
    return statement(values)
  }

  return async (criteria, pageable) => {
    const rows = await run(criteria, pageable)
    return { rows: rows.filter(isFound), total: Number(rows[0]?.total) }
  }
}

async function runOnce(kysely: Kysely<Tables>, criteria: Criteria, pageable: Pageable) {
  const { rows } = await kysely.executeQuery(compileSearch(kysely, criteria, pageable))
  return rows
}

/** The statement that finds one page of what matches, with the total in each row. */
export function compileSearch(
  kysely: Kysely<Tables>,
  criteria: Criteria,
  pageable: Pageable,
): CompiledQuery<SearchRow> {
  const values = toValues(criteria, pageable)
  return composeSearch(kysely, toShape(criteria, pageable, values), values)
}

function toShape({ mediaRecorded, cobrowseRecorded }: Criteria, { sort }: Pageable, values: Values): Shape {
  const given = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  return { given, mediaRecorded, cobrowseRecorded, sort }
}

/** Whether an index by date leads to the rows of the page, and to no others. */
function isDirect({ given, mediaRecorded, cobrowseRecorded, sort }: Shape): boolean {
  return (
    isByDate(sort) &&
    mediaRecorded.length + cobrowseRecorded.length === 0 &&
    given.every((name) => directlyFound.includes(name))
  )
}

const directlyFound = ['createdFrom', 'createdTo', 'organizationId', 'size']

function isFound(row: SearchRow): row is FoundRow & SearchRow {
  return row.id !== null
}

/** What a statement takes as parameters; undefined: not part of it. */
type Values = ReturnType<typeof toValues>

function toValues(criteria: Criteria, { page, size }: Pageable) {
  const { mediaRecorded: _media, cobrowseRecorded: _cobrowse, ...values } = criteria
  const { types, createdBy } = criteria
  return {
    ...values,
    // compared with the row as well only when the index may have cut them
    types: types?.some((type) => isCut(type, 40)) ? types : undefined,
    typePrefixes: types?.map((type) => cut(type, 40)),
    createdBy: createdBy !== undefined && isCut(createdBy, 64) ? createdBy : undefined,
    createdByPrefix: createdBy === undefined ? undefined : cut(createdBy, 64),
    size,
    // a first page says less, and is planned better for it
    offset: page > 0 ? page * size : undefined,
  }
}

/** As the migration cuts what the index carries: in characters, not in UTF-16 units. */
const cut = (text: string, length: number) =>
  text.length <= length ? text : [...text].slice(0, length).join('')
const isCut = (text: string, length: number) => text.length >= length && [...text].length >= length

function composeSearch(kysely: Kysely<Tables>, shape: Shape, values: Values): CompiledQuery<SearchRow> {
  const found = sql`count(page.id) over ()`
  const offset = shape.given.includes('offset') ? sql`${values.offset}::bigint` : sql.lit(0)
  return sql<SearchRow>`
    select ${columnsOf('page')}, page.data_bytes,
      case when sum(page.data_bytes) over () <= ${sql.lit(largestLoad)} then page.data end as data,
      case
        when ${found} = ${values.size}::bigint or (${found} = 0 and ${offset} > 0)
          then (select count(*) from (${matching(kysely, shape, values)}) as matching)
        else ${offset} + ${found}
      end as total
    from (values (true)) as always
    left join (${page(kysely, shape, values)}) as page on true
    order by ${orderBy('page', totalOrder(shape.sort))}`.compile(kysely)
}

/** The rows of the page. The ids are found first, in an index alone where it can tell all that is asked for. */
function page(kysely: Kysely<Tables>, shape: Shape, values: Values) {
  const columns = sql`${columnsOf('interaction')}, interaction.data, ${dataBytes} as data_bytes`
  const skipped = shape.given.includes('offset') ? sql`offset ${values.offset}` : sql``
  const slice = (table: 'matching' | 'interaction') =>
    sql`order by ${orderBy(table, totalOrder(shape.sort))} limit ${values.size} ${skipped}`
  if (isDirect(shape))
    return sql`
      select ${columns} from interactions as interaction
      where ${expressionBuilder<Tables, 'interactions'>().and([...conditions(shape, values)])}
      ${slice('interaction')}`
  return sql`
    select ${columns}
    from (select id from (${matching(kysely, shape, values)}) as matching ${slice('matching')}) as found
    join interactions as interaction on interaction.id = found.id`
}

/** Every interaction that matches, with what it can be ordered by: one fragment, so that page and count agree. */
function matching(kysely: Kysely<Tables>, shape: Shape, values: Values) {
  const narrowed = kysely
    .selectFrom('interactions')
    .select(['id', 'organization_id', 'created_by', 'created_at', 'type', 'version'])
    .where((expression) => expression.and([...conditions(shape, values)]))
  if (!shape.given.includes('tags')) return narrowed
  const tagged = sql<SqlBool>`tags ?| ${values.tags}::text[]`
  // two disjoint parts, so that the first is found in the index alone and the second, being small, by its own index
  const taggedInData = sql<SqlBool>`case when (data -> 'tags')::text ~ ${sql.lit(arrayOfStrings)}
    then (data -> 'tags')::jsonb ?| ${values.tags}::text[] else false end`
  return narrowed
    .where(tagged)
    .unionAll(narrowed.where('tags_beyond_index', '=', sql.lit(true)).where(taggedInData))
}

/** Matches the JSON text of an array of strings, as the generated column `tags` has it. */
const arrayOfStrings = String.raw`^\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]$`

function* conditions(
  { given, mediaRecorded, cobrowseRecorded }: Shape,
  values: Values,
): Generator<Expression<SqlBool>> {
  const eb = expressionBuilder<Tables, 'interactions'>()
  const has = (name: keyof Values) => given.includes(name)
  yield sql`created_at >= ${values.createdFrom}::timestamptz`
  yield sql`created_at <= ${values.createdTo}::timestamptz`
  yield has('organizationId')
    ? sql`organization_id = ${values.organizationId}`
    : // true of all, and needed for the index across organizations: see its migration
      sql`id >= ''`
  if (has('typePrefixes')) yield sql`type_prefix = any(${values.typePrefixes}::text[])`
  if (has('types')) yield sql`type = any(${values.types}::text[])`
  if (has('createdByPrefix')) yield sql`created_by_prefix = ${values.createdByPrefix}`
  if (has('createdBy')) yield sql`created_by = ${values.createdBy}`
  for (const recorded of mediaRecorded) yield eb('media_recorded', '=', sql.lit(recorded))
  for (const recorded of cobrowseRecorded) yield eb('cobrowse_recorded', '=', sql.lit(recorded))
  // of a value beyond 255 characters 256 are kept, which must not match
  if (has('customerId')) yield sql`customer_id = ${values.customerId} and length(customer_id) <= 255`
  if (has('conferenceId')) yield sql`conference_id = ${values.conferenceId} and length(conference_id) <= 255`
  if (has('onHoldDurationAbove')) yield sql`on_hold_duration > ${values.onHoldDurationAbove}::numeric`
  if (has('onHoldDurationBelow')) yield sql`on_hold_duration < ${values.onHoldDurationBelow}::numeric`
}
