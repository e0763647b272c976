import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeQuery } from './support/decode.ts'

const range = 'start=2025-01-20T22:00:00.928Z&end=2025-01-21T21:59:59.928Z'

function read(query: string) {
  const { value, ...rest } = decodeQuery(query)
  return { criteria: value, ...rest }
}

const readFilter = (query: string) => read(`${range}&${query}`)

const unfiltered = {
  start: { milliseconds: Date.parse('2025-01-20T22:00:00.928Z'), nanoseconds: 0 },
  end: { milliseconds: Date.parse('2025-01-21T21:59:59.928Z'), nanoseconds: 0 },
}

describe('a filter', () => {
  test.each([['organizationId'], ['userId'], ['customerId'], ['conferenceId']])(
    '%s keeps its exact text',
    (name) => {
      expect(readFilter(`${name}=%20a%2Cb%20%C3%A9`).criteria).toEqual({ ...unfiltered, [name]: ' a,b é' })
      expect(readFilter(`${name}=5`).criteria).toEqual({ ...unfiltered, [name]: '5' })
      expect(readFilter(`${name}=`).criteria).toEqual(unfiltered)
    },
  )

  test.each([['type'], ['tags']])('%s accepts a list, separated by commas or repeated', (name) => {
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
        criteria: { ...unfiltered, [name]: list },
        errors: {},
        invalid: [],
      })
  })

  test.each([
    ['recording=media', ['media']],
    ['recording=no_media', ['no_media']],
    ['recording=cobrowse', ['cobrowse']],
    ['recording=no_cobrowse', ['no_cobrowse']],
    ['recording=media,no_cobrowse', ['media', 'no_cobrowse']],
    ['recording=no_media&recording=cobrowse', ['cobrowse', 'no_media']],
    ['recording=media,no_media', ['media', 'no_media']],
    ['recording=%20cobrowse%20,,cobrowse', ['cobrowse']],
    ['recording=', undefined],
  ])('"%s" is read as %j', (query, recording) => {
    const { criteria, errors } = readFilter(query)

    expect(criteria).toEqual({ ...unfiltered, recording })
    expect(errors).toEqual({})
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
  ])('recording=%s is rejected with an error that lists the accepted words', (word) => {
    const { errors, invalid } = readFilter(`recording=${word}`)

    expect(invalid).toEqual(['recording'])
    for (const accepted of ['media', 'no_media', 'cobrowse', 'no_cobrowse'])
      expect(errors.recording).toContain(accepted)
  })
})

describe.each([['onHoldDurationGt'], ['onHoldDurationLt']])('%s', (name) => {
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
  ])('is read as %s with all its digits', (number) => {
    expect(readFilter(`${name}=${encodeURIComponent(number)}`)).toEqual({
      criteria: { ...unfiltered, [name]: number },
      errors: {},
      invalid: [],
    })
  })

  test('does not filter when it is empty', () => {
    expect(readFilter(`${name}=`)).toEqual({ criteria: unfiltered, errors: {}, invalid: [] })
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
  ])('must not be %s', (number) => {
    expect(readFilter(`${name}=${number}`).invalid).toEqual([name])
  })
})

test.each(['organizationId', 'type', 'userId', 'recording', 'customerId', 'conferenceId', 'tags'])(
  'NUL in %s is rejected',
  (name) => {
    expect(readFilter(`${name}=a%00b`).invalid).toEqual([name])
  },
)

test('without a filter, only the range restricts the search', () => {
  expect(read(range)).toEqual({ criteria: unfiltered, errors: {}, invalid: [] })
})

test('the errors of all parameters are reported together', () => {
  const query = 'start=x&recording=x&onHoldDurationGt=x&onHoldDurationLt=x&customerId=%00&tags=a%00'
  const names = 'customerId end onHoldDurationGt onHoldDurationLt recording start tags'

  expect(read(query).invalid).toEqual(names.split(' '))
})

test('unknown parameters are ignored', () => {
  expect(readFilter('Type=x&type[]=y&unknown=%00&__proto__=z')).toEqual({
    criteria: unfiltered,
    errors: {},
    invalid: [],
  })
})

test('no query string makes the decoder throw', () => {
  const names = ['start', 'end', 'type', 'userId', 'recording', 'customerId', 'tags', 'onHoldDurationGt']
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...names), fc.string({ unit: 'binary' }))), (pairs) => {
      expect(() => read(new URLSearchParams(pairs).toString())).not.toThrow()
    }),
  )
})
