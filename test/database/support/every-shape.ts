// Every shape of data that filters distinguish, and every filter: few enough to test all combinations.
import type { Json, ModelInteraction, ModelSearch } from '../../support/search-model.ts'
import {
  anything,
  base,
  durations,
  longDurations,
  names,
  noDurations,
  padding,
  tags,
  types,
  users,
} from './search-arbitraries.ts'

const identifiers: readonly Json[] = [...names, ...anything]
const lists: readonly Json[] = [
  ...['', ...tags].flatMap((one) => [[one], [...padding, one]]).map((items) => ({ items })),
  ...anything.flatMap((one) => [{ items: ['vip', one] }, { items: ['vip', ...padding, one] }]),
]
const allDurations = [...durations, ...longDurations].map((digits) => ({ digits }))

/** One interaction for each shape of each member that filters read. */
export const everyShape: readonly ModelInteraction[] = [
  ...identifiers.map((value) => [['customerId', value]] as const),
  ...identifiers.flatMap((value) => [
    [['conferenceId', value]] as const,
    [['roomName', value]] as const,
    [
      ['conferenceId', value],
      ['roomName', '1'],
    ] as const,
  ]),
  ...identifiers.flatMap((value) => [
    [['recorderId', value]] as const,
    [['cobrowseRecorderId', value]] as const,
  ]),
  ...[...lists, ...anything].map((value) => [['tags', value]] as const),
  ...[...allDurations, ...noDurations, ...anything].map((value) => [['onHoldDuration', value]] as const),
].map((data, number) => ({
  id: `id-${number}`,
  organizationId: 'acme',
  createdBy: users[number % users.length] ?? '',
  createdAt: base,
  type: types[number % types.length] ?? null,
  version: 0,
  data,
}))

/** Every value of every filter, one filter at a time. */
export const everyFilter: readonly Partial<ModelSearch>[] = [
  ...types.map((type) => ({ types: [type] })),
  ...users.map((userId) => ({ userId })),
  ...['media', 'no_media', 'cobrowse', 'no_cobrowse'].map((word) => ({ recording: [word] })),
  ...names.flatMap((name) => [{ customerId: name }, { conferenceId: name }]),
  ...tags.map((one) => ({ tags: [one] })),
  ...[...durations, ...longDurations].flatMap((one) => [
    { onHoldDurationGt: one },
    { onHoldDurationLt: one },
  ]),
]
