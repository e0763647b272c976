import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Faults } from '../../src/http/problem.ts'
import { readCriteria } from '../../src/interactions/criteria.ts'
import { parameters } from './support/parameters.ts'

const range = 'start=2025-01-20T22:00:00.928Z&end=2025-01-21T21:59:59.928Z'

function read(query: string) {
  const faults: Faults = {}
  return { criteria: readCriteria(parameters(query), faults), faults, faulty: Object.keys(faults).sort() }
}

const readFilter = (query: string) => read(`${range}&${query}`)

const unfiltered = {
  createdFrom: '2025-01-20T22:00:00.928Z',
  createdTo: '2025-01-21T21:59:59.928Z',
  organizationId: undefined,
  types: undefined,
  createdBy: undefined,
  mediaRecorded: [],
  cobrowseRecorded: [],
  customerId: undefined,
  conferenceId: undefined,
  tags: undefined,
  onHoldDurationAbove: undefined,
  onHoldDurationBelow: undefined,
}

describe('a filter', () => {
  test.each([
    ['organizationId', 'organizationId'],
    ['userId', 'createdBy'],
    ['customerId', 'customerId'],
    ['conferenceId', 'conferenceId'],
  ])('%s narrows by its text as it stands', (name, member) => {
    expect(readFilter(`${name}=%20a%2Cb%20%C3%A9`).criteria).toEqual({ ...unfiltered, [member]: ' a,b é' })
    expect(readFilter(`${name}=5`).criteria).toEqual({ ...unfiltered, [member]: '5' })
    expect(readFilter(`${name}=`).criteria).toEqual(unfiltered)
  })

  test.each([
    ['type', 'types'],
    ['tags', 'tags'],
  ])('%s takes a list, by comma and by repetition', (name, member) => {
    const lists: [string, string[] | undefined][] = [
      [`${name}=audio`, ['audio']],
      [`${name}=audio,video`, ['audio', 'video']],
      [`${name}=audio&${name}=video`, ['audio', 'video']],
      [`${name}=audio,chat&${name}=video`, ['audio', 'chat', 'video']],
      [`${name}=%20audio%20,%20,video,,`, ['audio', 'video']],
      [`${name}=a%20b,a%20b,%C3%A9`, ['a b', 'é']],
      [`${name}=`, undefined],
      [`${name}=,%20,`, undefined],
      [`${name}=&${name}=audio`, ['audio']],
    ]
    for (const [query, list] of lists)
      expect(readFilter(query)).toEqual({
        criteria: { ...unfiltered, [member]: list },
        faults: {},
        faulty: [],
      })
  })

  test.each<[string, boolean[], boolean[]]>([
    ['recording=media', [true], []],
    ['recording=no_media', [false], []],
    ['recording=cobrowse', [], [true]],
    ['recording=no_cobrowse', [], [false]],
    ['recording=media,no_cobrowse', [true], [false]],
    ['recording=no_media&recording=cobrowse', [false], [true]],
    ['recording=media,no_media', [true, false], []],
    ['recording=%20cobrowse%20,,cobrowse', [], [true]],
    ['recording=', [], []],
  ])('"%s" asks for media %j and cobrowse %j', (query, mediaRecorded, cobrowseRecorded) => {
    const { criteria, faults } = readFilter(query)

    expect(criteria).toEqual({ ...unfiltered, mediaRecorded, cobrowseRecorded })
    expect(faults).toEqual({})
  })

  test.each([
    'MEDIA',
    'nomedia',
    'no_',
    'no_no_media',
    'media;cobrowse',
    'xmedia',
    'mediax',
    'true',
    'media,audio',
  ])('recording=%s is refused, saying which words there are', (word) => {
    const { faults, faulty } = readFilter(`recording=${word}`)

    expect(faulty).toEqual(['recording'])
    for (const known of ['media', 'no_media', 'cobrowse', 'no_cobrowse'])
      expect(faults.recording).toContain(known)
  })
})

describe.each([
  ['onHoldDurationGt', 'onHoldDurationAbove'],
  ['onHoldDurationLt', 'onHoldDurationBelow'],
])('%s', (name, member) => {
  test.each([
    '0',
    '1000',
    '-5',
    '1.5',
    '-0.001',
    '007',
    '1e3',
    '1E-3',
    '1.5e+10',
    '9007199254740993',
    '1e100',
  ])('takes %s with all its digits', (number) => {
    expect(readFilter(`${name}=${encodeURIComponent(number)}`)).toEqual({
      criteria: { ...unfiltered, [member]: number },
      faults: {},
      faulty: [],
    })
  })

  test('narrows nothing when it is empty', () => {
    expect(readFilter(`${name}=`)).toMatchObject({ criteria: unfiltered, faulty: [] })
  })

  test.each([
    ...[
      'abc',
      'NaN',
      'Infinity',
      '-Infinity',
      '0x10',
      '%20',
      '1,5',
      '1_000',
      '1000ms',
      '--1',
      '1.2.3',
      'e5',
      '1e',
    ],
    ...['1e1.5', 'null', 'true', '%D9%A5', '5%00', '5%0A', "1'"],
  ])('refuses %s', (number) => {
    expect(readFilter(`${name}=${number}`).faulty).toEqual([name])
  })
})

test.each(['organizationId', 'type', 'userId', 'recording', 'customerId', 'conferenceId', 'tags'])(
  'NUL in %s is refused',
  (name) => {
    expect(readFilter(`${name}=a%00b`).faulty).toEqual([name])
  },
)

test('without a filter, the range alone narrows', () => {
  expect(read(range)).toEqual({ criteria: unfiltered, faults: {}, faulty: [] })
})

test('all that is wrong is named at once', () => {
  const wrong = 'start=x&recording=x&onHoldDurationGt=x&onHoldDurationLt=x&customerId=%00&tags=a%00'
  const faulty = 'customerId end onHoldDurationGt onHoldDurationLt recording start tags'

  expect(read(wrong).faulty).toEqual(faulty.split(' '))
})

test('a parameter of no meaning is ignored', () => {
  expect(readFilter('Type=x&type[]=y&unknown=%00&__proto__=z')).toMatchObject({
    criteria: unfiltered,
    faulty: [],
  })
})

test('no query makes reading throw', () => {
  const names = ['start', 'end', 'type', 'userId', 'recording', 'customerId', 'tags', 'onHoldDurationGt']
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...names), fc.string({ unit: 'binary' }))), (pairs) => {
      expect(() => read(new URLSearchParams(pairs).toString())).not.toThrow()
    }),
  )
})
