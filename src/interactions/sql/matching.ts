// Turns criteria into statements: the values that they take as parameters, and the conditions in SQL.
import { type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import type { Tables } from '../../database/tables.ts'
import { firstMillisecond, type Instant, toTimestamp } from '../../types/instant.ts'
import { type Filter, type FilterName, type FilterValues, filter, filters } from './filters.ts'
import { type Order, type Pageable, significantOrder } from './order.ts'

/** Which interactions to find. All conditions must match. */
export interface Criteria extends FilterValues {
  /** the first and the last moment of creation, both inclusive */
  readonly start: Instant
  readonly end: Instant
  /** undefined: all organizations */
  readonly organizationId?: string | undefined
}

/** What a statement is composed of: equal shapes have the same text. */
export interface Shape {
  /** the same for equal shapes alone */
  readonly key: string
  /** the names of its parameters */
  readonly given: readonly string[]
  /** the values that its text holds */
  readonly literals: FilterValues
  /** total, and without what has no effect */
  readonly sort: readonly Order[]
  /** whether kept totals replace counting */
  readonly keepsTotals: boolean
}

/** The parameters of a search by date alone. */
export interface RangeValues {
  /** PostgreSQL timestamps, both inclusive */
  readonly createdFrom: string
  readonly createdTo: string
  readonly organizationId: string | undefined
  readonly size: number
  readonly offset: number | undefined
}

/** The parameters of a statement by name; undefined: not part of it. */
export type Values = RangeValues & Readonly<Record<string, unknown>>

/** The values, or expressions that stand for them. */
export type Operands = Readonly<Record<string, unknown>>

const isFilterName = (name: string): name is FilterName => Object.hasOwn(filters, name)

/** Methods take any value here: each filter gets that of its own parameter. */
const definitions = Object.keys(filters)
  .filter(isFilterName)
  .map((name): { name: FilterName; definition: Filter<unknown> } => ({
    name,
    definition: filters[name][filter],
  }))

export function toValues(criteria: Criteria, { page, size }: Pageable): Values {
  const values: RangeValues & Record<string, unknown> = {
    createdFrom: toTimestamp(firstMillisecond(criteria.start)),
    createdTo: toTimestamp(criteria.end.milliseconds),
    organizationId: criteria.organizationId,
    size,
    // page 0 omits OFFSET: PostgreSQL plans it better
    offset: page > 0 ? page * size : undefined,
  }
  for (const { name, definition } of definitions) {
    const value = criteria[name]
    if (value !== undefined) Object.assign(values, definition.toParameters?.(value))
  }
  return values
}

export function toShape(criteria: Criteria, { sort }: Pageable, values: Values, keepsTotals: boolean): Shape {
  const given = Object.keys(values).filter((name) => values[name] !== undefined)
  const literals: Record<string, unknown> = {}
  for (const { name, definition } of definitions)
    if (definition.toConditions !== undefined && criteria[name] !== undefined) literals[name] = criteria[name]
  const shape = { given, literals, sort: significantOrder(sort), keepsTotals }
  return { key: JSON.stringify(shape), ...shape }
}

/** The parameters of RangeValues with their types in PostgreSQL. */
export const rangeTypes = {
  createdFrom: 'timestamptz',
  createdTo: 'timestamptz',
  organizationId: 'text',
  size: 'bigint',
  offset: 'bigint',
} as const satisfies Record<keyof RangeValues, string>

/** Whether only the dates, and perhaps the organization, narrow the search. */
export function isRangeAlone({ given, literals }: Shape): boolean {
  return given.every((name) => Object.hasOwn(rangeTypes, name)) && Object.keys(literals).length === 0
}

/** Selects all matching interactions with the columns to sort by: one fragment, so that page and count agree. */
export function matching(kysely: Kysely<Tables>, shape: Shape, values: Operands) {
  const narrowed = kysely
    .selectFrom('interactions')
    .select(['id', 'organization_id', 'created_by', 'created_at', 'type', 'version'])
    .where((expression) => expression.and([...conditions(shape, values)]))
  if (!shape.given.includes('tags')) return narrowed
  const tagged = sql<SqlBool>`tags ?| ${values.tags}::text[]`
  // Two disjoint parts: the first is found in the covering index alone, the few rows of the second by their own index.
  const taggedInData = sql<SqlBool>`case when (data -> 'tags')::text ~ ${sql.lit(arrayOfStrings)}
    then (data -> 'tags')::jsonb ?| ${values.tags}::text[] else false end`
  return narrowed
    .where(tagged)
    .unionAll(narrowed.where('tags_beyond_index', '=', sql.lit(true)).where(taggedInData))
}

/** Matches the JSON text of an array of strings, as promote_interaction() does for the column `tags`. */
const arrayOfStrings = String.raw`^\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]$`

export function* conditions({ given, literals }: Shape, values: Operands): Generator<Expression<SqlBool>> {
  yield sql`created_at >= ${values.createdFrom}::timestamptz`
  yield sql`created_at <= ${values.createdTo}::timestamptz`
  yield ofOrganization(given.includes('organizationId') ? sql`${values.organizationId}` : undefined)
  // PostgreSQL keeps this order: literals are compared with booleans, which is cheapest
  for (const { name, definition } of definitions) {
    const literal = literals[name]
    if (literal !== undefined) yield* definition.toConditions?.(literal) ?? []
  }
  for (const { definition } of definitions)
    for (const [parameter, condition] of Object.entries(definition.conditions ?? {}))
      if (given.includes(parameter)) yield condition(values[parameter])
}

/** A condition for the interactions of an organization, or of all, in the form that its index by date needs. */
export function ofOrganization(organizationId: Expression<unknown> | undefined): Expression<SqlBool> {
  // always true; the index across organizations is partial with this condition
  return organizationId === undefined ? sql`id >= ''` : sql`organization_id = ${organizationId}`
}
