import { expect, test } from 'vitest'
import { toValues } from '../../src/interactions/sql/matching.ts'
import { decodeQuery } from './support/decode.ts'

function read(query: string) {
  const { value, ...rest } = decodeQuery(query)
  return { values: value && toValues(value, { page: 0, size: 20, sort: [] }), ...rest }
}

test.each([
  // start is rounded up to a whole millisecond, end is rounded down; both are inclusive
  ['00:00:00Z', '00:00:00Z', '00:00:00.000Z', '00:00:00.000Z'],
  ['00:00:00.000000001Z', '00:00:00.0019Z', '00:00:00.001Z', '00:00:00.001Z'],
  ['00:00:00.9991Z', '00:00:01.999999999Z', '00:00:01.000Z', '00:00:01.999Z'],
  ['02:00:00+02:00', '00:00:00Z', '00:00:00.000Z', '00:00:00.000Z'],
  ['02:00:00 02:00', '01:00:00Z', '00:00:00.000Z', '01:00:00.000Z'],
])('the range from %s to %s selects interactions created from %s to %s', (start, end, from, to) => {
  const query = new URLSearchParams({ start: `2025-01-20T${start}`, end: `2025-01-20T${end}` })

  expect(read(query.toString())).toMatchObject({
    values: { createdFrom: `2025-01-20T${from}`, createdTo: `2025-01-20T${to}` },
    invalid: [],
  })
})

test('the range may contain a plus sign that was not percent-encoded', () => {
  expect(read('start=2025-01-21T00:00:00+02:00&end=2025-01-21T00:00:00+02:00')).toMatchObject({
    values: { createdFrom: '2025-01-20T22:00:00.000Z', createdTo: '2025-01-20T22:00:00.000Z' },
    invalid: [],
  })
})

test('the first start and the first end are used when they are repeated', () => {
  const query = 'start=2025-01-20T22:00:00Z&start=x&end=2025-01-20T23:00:00Z&end='

  expect(read(query)).toMatchObject({
    values: { createdFrom: '2025-01-20T22:00:00.000Z', createdTo: '2025-01-20T23:00:00.000Z' },
    invalid: [],
  })
})

test.each([
  ['', ['end', 'start']],
  ['start=&end=', ['end', 'start']],
  ['start=%20&end=2025-01-20T22:00:00Z', ['start']],
  ['start=2025-01-20T22:00:00Z', ['end']],
  ['start=2025-01-20T22:00:00&end=2025-01-20', ['end', 'start']],
  ['start=2025-01-20T22:00:00Z%00&end=2025-01-20T22:00:00Z', ['start']],
  ['start=1737410400928&end=2025-02-30T22:00:00Z', ['end', 'start']],
  ['start=2025-01-20T22:00:00Z&end=2025-01-20T21:59:59Z', ['end']],
  ['start=2025-01-20T22:00:00.000000002Z&end=2025-01-20T22:00:00.000000001Z', ['end']],
  ['start=2025-01-20T22:00:00Z&end=2025-01-20T23:00:00%2B02:00', ['end']],
])('the range "%s" is rejected with errors for %j', (query, invalid) => {
  expect(read(query).invalid).toEqual(invalid)
})

test('the errors of a range say what is accepted', () => {
  const { start, end } = read('start=today').errors

  expect(start).toMatch(/^must be an ISO 8601/)
  expect(end).toMatch(/^is required and must be an ISO 8601/)
})
