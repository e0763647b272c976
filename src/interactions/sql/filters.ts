// The filters of the search, one table: an entry is a query parameter, its type, and its conditions in SQL. The query's
// schema (schemas.ts), the criteria and the statements follow from it.
import {
  type StaticDecode,
  type TObject,
  type TOptionalWithFlag,
  type TSchema,
  Type,
} from '@sinclair/typebox'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { NumberText, Text, Words, WordsOf } from '../../types/text.ts'

/** The value of a parameter of a statement, or an expression that stands for it. */
type Operand = unknown

/** How a parameter narrows the search. */
export interface Filter<Value> {
  /** Returns the statement's parameters for a value; undefined ones are left out. Their names are unique in the table. */
  toParameters?(value: Value): Readonly<Record<string, unknown>>
  /** The condition that each of these parameters adds. */
  readonly conditions?: Readonly<Record<string, (operand: Operand) => RawBuilder<SqlBool>>>
  /** Conditions that hold the value itself. Each value makes a statement of its own, so there must be few of them. */
  toConditions?(value: Value): readonly RawBuilder<SqlBool>[]
}

export const filter = Symbol('filter')

/** The type of an optional parameter, with its filter. */
export type FilterParameter<Type extends TSchema> = TOptionalWithFlag<Type, true> & {
  readonly [filter]: Filter<NonNullable<StaticDecode<Type>>>
}

function searchBy<Type extends TSchema>(
  type: Type,
  definition: Filter<NonNullable<StaticDecode<Type>>>,
): FilterParameter<Type> {
  return Object.assign(Type.Optional(type), { [filter]: definition })
}

const text = (description: string, example: string) => ({ description, examples: [example] })

/** In the order of the document. */
export const filters = {
  type: searchBy(
    Words(
      text(
        'Of any of these types: `audio`, `video`, `chat`, `cobrowse` or your own, separated by commas; at most 50.',
        'audio,video',
      ),
    ),
    {
      toParameters(types) {
        const prefixes = types.map((type) => cut(type, 40))
        return {
          // one prefix is looked up in the index by type, several are compared row by row
          typePrefix: prefixes.length === 1 ? prefixes[0] : undefined,
          typePrefixes: prefixes.length === 1 ? undefined : prefixes,
          types: types.some((type) => isCut(type, 40)) ? types : undefined,
        }
      },
      conditions: {
        typePrefix: (prefix) => sql`type_prefix = ${prefix}`,
        typePrefixes: (prefixes) => sql`type_prefix = any(${prefixes}::text[])`,
        types: (types) => sql`type = any(${types}::text[])`,
      },
    },
  ),
  userId: searchBy(Text(text('Created by that user.', 'agent-7')), {
    toParameters: (userId) => ({
      createdByPrefix: cut(userId, 64),
      createdBy: isCut(userId, 64) ? userId : undefined,
    }),
    conditions: {
      createdByPrefix: (prefix) => sql`created_by_prefix = ${prefix}`,
      createdBy: (userId) => sql`created_by = ${userId}`,
    },
  }),
  recording: searchBy(
    WordsOf(
      ['cobrowse', 'media', 'no_cobrowse', 'no_media'],
      text(
        'With all of these, separated by commas: `media`, `no_media`, `cobrowse`, `no_cobrowse`.',
        'media',
      ),
    ),
    {
      toConditions: (words) =>
        words.map((word) => {
          const column = word.endsWith('media') ? 'media_recorded' : 'cobrowse_recorded'
          return sql<SqlBool>`${sql.ref(column)} = ${sql.lit(!word.startsWith('no_'))}`
        }),
    },
  ),
  // the column keeps 256 characters of longer values, which must not match
  customerId: searchBy(Text(text('With that `customerId` in its data.', 'c-1042')), {
    toParameters: (customerId) => ({ customerId }),
    conditions: {
      customerId: (value) => sql`customer_id = ${value} and length(customer_id) <= 255`,
    },
  }),
  conferenceId: searchBy(
    Text(text('With that `conferenceId`, or without one that `roomName`, in its data.', 'room-7')),
    {
      toParameters: (conferenceId) => ({ conferenceId }),
      conditions: {
        conferenceId: (value) => sql`conference_id = ${value} and length(conference_id) <= 255`,
      },
    },
  ),
  // its condition is in matching.ts: it divides the search into two parts
  tags: searchBy(
    Words(
      text(
        'With any of these among the `tags` in its data, separated by commas; at most 50.',
        'vip,callback',
      ),
    ),
    { toParameters: (tags) => ({ tags }) },
  ),
  onHoldDurationGt: searchBy(
    NumberText(
      'milliseconds',
      text('With an `onHoldDuration` in its data above this, in milliseconds.', '1000'),
    ),
    {
      toParameters: (onHoldDurationGt) => ({ onHoldDurationGt }),
      conditions: { onHoldDurationGt: (value) => sql`on_hold_duration > ${value}::numeric` },
    },
  ),
  onHoldDurationLt: searchBy(
    NumberText(
      'milliseconds',
      text('With an `onHoldDuration` in its data below this, in milliseconds.', '60000'),
    ),
    {
      toParameters: (onHoldDurationLt) => ({ onHoldDurationLt }),
      conditions: { onHoldDurationLt: (value) => sql`on_hold_duration < ${value}::numeric` },
    },
  ),
}

/** What the filters decode to, by parameter. All given filters must match; an absent one does not narrow the search. */
export type FilterValues = StaticDecode<TObject<typeof filters>>

export type FilterName = keyof typeof filters

/** Cuts a text as the migrations cut the index's columns: by characters, not by UTF-16 units. */
const cut = (text: string, length: number) =>
  text.length <= length ? text : [...text].slice(0, length).join('')
const isCut = (text: string, length: number) => text.length >= length && [...text].length >= length
