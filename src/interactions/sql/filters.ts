// Which interactions match: the criteria as values of a statement, and as its conditions.
import { type Expression, expressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import type { Tables } from '../../database/tables.ts'
import type { Order, Pageable } from './order.ts'

/** Which interactions are sought. All conditions hold together; an undefined one does not narrow. */
export interface Criteria {
  /** PostgreSQL timestamps, both inclusive */
  readonly createdFrom: string
  readonly createdTo: string
  readonly organizationId: string | undefined
  /** any of these; undefined when any type will do */
  readonly types: readonly string[] | undefined
  readonly createdBy: string | undefined
  /** whether each of the two must have been, or must not have been, recorded */
  readonly mediaRecorded: readonly boolean[]
  readonly cobrowseRecorded: readonly boolean[]
  readonly customerId: string | undefined
  readonly conferenceId: string | undefined
  /** any of these */
  readonly tags: readonly string[] | undefined
  /** decimal numbers of milliseconds, as text */
  readonly onHoldDurationAbove: string | undefined
  readonly onHoldDurationBelow: string | undefined
}

/** What a statement is composed of; equal shapes have the same statement. */
export interface Shape {
  /** which values there are */
  readonly given: readonly string[]
  readonly mediaRecorded: readonly boolean[]
  readonly cobrowseRecorded: readonly boolean[]
  readonly sort: readonly Order[]
  /** whether kept totals may stand in for counting */
  readonly keepsTotals: boolean
}

/** What a statement takes as parameters; undefined: not part of it. */
export type Values = ReturnType<typeof toValues>

/** What stands for the values in a statement: themselves, or expressions that have them. */
export type Operands = { readonly [Name in keyof Values]?: unknown }

export function toValues(criteria: Criteria, { page, size }: Pageable) {
  const { types, createdBy } = criteria
  const prefixes = types?.map((type) => cut(type, 40))
  // member by member: to copy the rest of an object takes longer than all else here
  return {
    createdFrom: criteria.createdFrom,
    createdTo: criteria.createdTo,
    organizationId: criteria.organizationId,
    // compared with the row as well only when the index may have cut them
    types: types?.some((type) => isCut(type, 40)) ? types : undefined,
    // one is looked up in the index by type, of several each row's is compared
    typePrefix: prefixes?.length === 1 ? prefixes[0] : undefined,
    typePrefixes: prefixes?.length === 1 ? undefined : prefixes,
    createdBy: createdBy !== undefined && isCut(createdBy, 64) ? createdBy : undefined,
    createdByPrefix: createdBy === undefined ? undefined : cut(createdBy, 64),
    customerId: criteria.customerId,
    conferenceId: criteria.conferenceId,
    tags: criteria.tags,
    onHoldDurationAbove: criteria.onHoldDurationAbove,
    onHoldDurationBelow: criteria.onHoldDurationBelow,
    size,
    // a first page says less, and is planned better for it
    offset: page > 0 ? page * size : undefined,
  }
}

/** As the migration cuts what the index carries: in characters, not in UTF-16 units. */
const cut = (text: string, length: number) =>
  text.length <= length ? text : [...text].slice(0, length).join('')
const isCut = (text: string, length: number) => text.length >= length && [...text].length >= length

export function toShape(
  { mediaRecorded, cobrowseRecorded }: Criteria,
  { sort }: Pageable,
  values: Values,
  keepsTotals: boolean,
): Shape {
  const given = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  return { given, mediaRecorded, cobrowseRecorded, sort, keepsTotals }
}

/** Whether nothing narrows the range but the organization. */
export function isRangeAlone({ given, mediaRecorded, cobrowseRecorded }: Shape): boolean {
  return (
    mediaRecorded.length + cobrowseRecorded.length === 0 &&
    given.every((name) => Object.hasOwn(ofRange, name))
  )
}

/** The values of a search by date alone, with their types in PostgreSQL. */
export const ofRange = {
  createdFrom: 'timestamptz',
  createdTo: 'timestamptz',
  organizationId: 'text',
  size: 'bigint',
  offset: 'bigint',
} as const

/** Every interaction that matches, with what it can be ordered by: one fragment, so that page and count agree. */
export function matching(kysely: Kysely<Tables>, shape: Shape, values: Operands) {
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

export function* conditions(
  { given, mediaRecorded, cobrowseRecorded }: Shape,
  values: Operands,
): Generator<Expression<SqlBool>> {
  const eb = expressionBuilder<Tables, 'interactions'>()
  const has = (name: keyof Operands) => given.includes(name)
  yield sql`created_at >= ${values.createdFrom}::timestamptz`
  yield sql`created_at <= ${values.createdTo}::timestamptz`
  yield ofOrganization(has('organizationId') ? sql`${values.organizationId}` : undefined)
  // what is compared fastest comes first: PostgreSQL keeps the order
  for (const recorded of mediaRecorded) yield eb('media_recorded', '=', sql.lit(recorded))
  for (const recorded of cobrowseRecorded) yield eb('cobrowse_recorded', '=', sql.lit(recorded))
  if (has('typePrefix')) yield sql`type_prefix = ${values.typePrefix}`
  if (has('typePrefixes')) yield sql`type_prefix = any(${values.typePrefixes}::text[])`
  if (has('types')) yield sql`type = any(${values.types}::text[])`
  if (has('createdByPrefix')) yield sql`created_by_prefix = ${values.createdByPrefix}`
  if (has('createdBy')) yield sql`created_by = ${values.createdBy}`
  // of a value beyond 255 characters 256 are kept, which must not match
  if (has('customerId')) yield sql`customer_id = ${values.customerId} and length(customer_id) <= 255`
  if (has('conferenceId')) yield sql`conference_id = ${values.conferenceId} and length(conference_id) <= 255`
  if (has('onHoldDurationAbove')) yield sql`on_hold_duration > ${values.onHoldDurationAbove}::numeric`
  if (has('onHoldDurationBelow')) yield sql`on_hold_duration < ${values.onHoldDurationBelow}::numeric`
}

/** True of the interactions of an organization, or of all, in a form that leads to their index by date. */
export function ofOrganization(organizationId: Expression<unknown> | undefined): Expression<SqlBool> {
  // true of all, and needed for the index across organizations: see its migration
  return organizationId === undefined ? sql`id >= ''` : sql`organization_id = ${organizationId}`
}
