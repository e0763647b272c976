// Random interactions and searches for them. Values come from small pools, so that filters often match and keys tie.
import fc from 'fast-check'
import type {
  Json,
  ModelInteraction,
  ModelOrder,
  ModelSearch,
  SortProperty,
} from '../../support/search-model.ts'

/** Cased letters are ASCII: how a database lowercases others depends on its locale. */
const letters = ['a', 'A', 'b', 'B', 'z', 'Z', '0', '_', ' ', "'", '/', '日', '\uFFFD', '😀', '𐀀']

export const organizations = ['acme', 'Acme', 'acme 😀'] as const

const long = (start: string, length: number) => ['', '1', '2'].map((end) => start.repeat(length) + end)
export const users = ['agent-1', 'AGENT-1', 'a,b', 'u'.repeat(63), ...long('u', 64), ...long('😀', 64)]
export const types = ['audio', 'Audio', 'video', 'a b', 't'.repeat(39), ...long('t', 40), ...long('😀', 40)]
export const names = [
  'c-1',
  'C-1',
  ' c ',
  '1',
  '1.0',
  '1e400',
  '-0',
  'é',
  'c"\\1',
  '{}',
  'true',
  '["c-1"]',
  '😀'.repeat(255),
  '😀'.repeat(256),
]
export const tags = ['vip', 'VIP', 'a b', 'é', '😀', '"q"', '\\', 't'.repeat(300)]
export const durations = [
  '0',
  '-0',
  '1',
  '1.0',
  '1.5',
  '1e0',
  '1E+1',
  '10',
  '-5',
  '9007199254740992',
  '9007199254740993',
]
export const longDurations = [
  '9007199254740993.0000001',
  '1e99',
  '1e-99',
  '7'.repeat(64),
  `-0.${'7'.repeat(61)}`,
]
export const noDurations = ['1e100', '-1e400', '7'.repeat(65), '1e-999999'].map((digits) => ({ digits }))

export const anything: readonly Json[] = [
  null,
  true,
  '',
  'vip',
  '5',
  { digits: '1' },
  { digits: '1.0' },
  { digits: '1e400' },
  { digits: '-0' },
  { digits: '1'.repeat(256) },
  { items: [] },
  { items: ['c-1'] },
  { members: [] },
  { members: [['vip', 'c-1']] },
]

export const padding = Array.from({ length: 300 }, (_, number) => `padding-${number}`)
const other = fc.constantFrom(...anything)
const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom<Json>(...names) }, other)
const tag: fc.Arbitrary<Json> = fc.constantFrom('', ...tags)
const tagList: fc.Arbitrary<Json> = fc
  .record({
    some: fc.array(tag, { maxLength: 3 }),
    isLong: fc.boolean(),
    otherValue: fc.option(other, { freq: 4, nil: undefined }),
  })
  .map(({ some, isLong, otherValue }) => ({
    items: [...some, ...(isLong ? padding : []), ...(otherValue === undefined ? [] : [otherValue])],
  }))
const duration = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...durations, ...longDurations).map((digits) => ({ digits })) },
  { weight: 1, arbitrary: fc.constantFrom<Json>(...noDurations) },
  { weight: 1, arbitrary: other },
)

const member = fc.oneof(
  fc.tuple(fc.constantFrom('customerId', 'conferenceId', 'roomName'), name),
  fc.tuple(fc.constantFrom('recorderId', 'cobrowseRecorderId'), name),
  fc.tuple(fc.constant('tags'), fc.oneof({ weight: 5, arbitrary: tagList }, other)),
  fc.tuple(fc.constant('onHoldDuration'), duration),
)

export const base = Date.parse('2025-01-20T22:00:00.995Z')

export const interactions: fc.Arbitrary<ModelInteraction[]> = fc.uniqueArray(
  fc.record({
    id: fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 3 }),
    organizationId: fc.constantFrom(...organizations),
    createdBy: fc.constantFrom(...users),
    createdAt: fc.integer({ min: 0, max: 9 }).map((milliseconds) => base + milliseconds),
    type: fc.constantFrom(null, ...types),
    version: fc.integer({ min: 0, max: 3 }),
    data: fc.array(member, { maxLength: 9 }),
  }),
  { selector: ({ id }) => id, minLength: 10, maxLength: 60 },
)

const moment = (lowest: number) =>
  fc
    .tuple(
      fc.integer({ min: lowest, max: lowest + 7 }),
      fc.constantFrom(0n, 0n, 1n, 100n, 500_000n, 999_999n),
    )
    .map(([milliseconds, nanoseconds]) => BigInt(base + milliseconds) * 1_000_000n + nanoseconds)

const properties = ['id', 'organizationId', 'createdBy', 'createdAt', 'type', 'version'] as const
const order = (property: SortProperty): fc.Arbitrary<ModelOrder> =>
  fc.record({
    property: fc.constant(property),
    direction: fc.constantFrom('asc', 'desc'),
    ignoreCase: fc.boolean(),
  })
const sort = fc
  .shuffledSubarray([...properties], { maxLength: 3 })
  .chain((chosen) => fc.tuple(...chosen.map(order)))

/** A value in one case of five, undefined otherwise. */
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
const some = (values: readonly string[]) => fc.subarray([...values], { minLength: 1, maxLength: 4 })

export const searches: fc.Arbitrary<ModelSearch> = fc.record({
  start: moment(-2),
  end: moment(6),
  organizationId: maybe(fc.constantFrom(...organizations)),
  types: maybe(some(types)),
  userId: maybe(fc.constantFrom(...users)),
  recording: maybe(some(['media', 'no_media', 'cobrowse', 'no_cobrowse'])),
  customerId: maybe(fc.constantFrom(...names)),
  conferenceId: maybe(fc.constantFrom(...names)),
  tags: maybe(some(tags)),
  onHoldDurationGt: maybe(fc.constantFrom(...durations, ...longDurations)),
  onHoldDurationLt: maybe(fc.constantFrom(...durations, ...longDurations)),
  sort,
})

/** How a search or a row is written. It must not change the result. */
export const style = fc.record({
  /** minutes east of UTC */
  offset: fc.constantFrom(0, 0, 60, -330, 1080),
  isRepeated: fc.boolean(),
  space: fc.constantFrom('', ' ', '\n\t'),
  isEscaped: fc.boolean(),
})

export type Style = typeof style extends fc.Arbitrary<infer Value> ? Value : never
