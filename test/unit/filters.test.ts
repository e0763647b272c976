import { expect, test } from 'vitest'
import { filter, filters } from '../../src/interactions/sql/filters.ts'
import { rangeTypes, toShape, toValues } from '../../src/interactions/sql/matching.ts'
import { criteriaOf } from '../support/search.ts'

const range = { start: '2025-01-20T22:00:00Z', end: '2025-01-21T22:00:00Z' }
const pageable = { page: 1, size: 20, sort: [] }
const longText = 'x'.repeat(300)

/** Parameters that give each filter all parameters of the statement that it can have. */
const parameters = [
  { type: `${longText},chat`, userId: longText, onHoldDurationGt: '1', onHoldDurationLt: '2' },
  { type: longText, tags: 'vip', customerId: 'c-1', conferenceId: 'r-1', recording: 'media' },
]

test('the parameters of the filters have names of their own, none of them that of a parameter of the range', () => {
  const conditions = Object.values(filters).flatMap((type) => Object.keys(type[filter].conditions ?? {}))
  const names = [...Object.keys(rangeTypes), ...conditions, 'tags']

  expect(names).toEqual([...new Set(names)])
  const given = parameters.flatMap((filters) =>
    Object.keys(toValues(criteriaOf({ ...range, ...filters }), pageable)),
  )
  expect(new Set(given)).toEqual(new Set(names))
})

test('searches that differ by the order of their words share a statement', () => {
  const shapes = ['media,no_cobrowse', 'no_cobrowse,media,media', ' ,no_cobrowse , media'].map(
    (recording) => {
      const criteria = criteriaOf({ ...range, recording })
      return JSON.stringify(toShape(criteria, pageable, toValues(criteria, pageable), true))
    },
  )

  expect(new Set(shapes).size).toBe(1)
})
