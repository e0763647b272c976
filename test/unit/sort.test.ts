import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ValidationErrors } from '../../src/http/problem.ts'
import { type Order, sortColumns } from '../../src/interactions/sql/order.ts'
import { decodeQuery } from './support/decode.ts'

/** Returns the orders as text, such as `createdAt desc, type asc ignorecase`. */
function readSort(query: string): { sort: string; errors: ValidationErrors } {
  const { value, errors } = decodeQuery(`start=2025-01-20T22:00:00Z&end=2025-01-21T22:00:00Z&${query}`)
  return { sort: (value?.sort ?? []).map(describeOrder).join(', '), errors }
}

const describeOrder = ({ property, direction, ignoreCase }: Order) =>
  `${property} ${direction}${ignoreCase ? ' ignorecase' : ''}`

test.each([
  ['', ''],
  ['sort=', ''],
  ['sort=%20', ''],
  ['sort=createdAt', 'createdAt asc'],
  ['sort=createdAt,asc', 'createdAt asc'],
  ['sort=createdAt,desc', 'createdAt desc'],
  ['sort=createdAt,DESC', 'createdAt desc'],
  ['sort=createdAt,dEsC', 'createdAt desc'],
  ['sort=type,createdBy,asc', 'type asc, createdBy asc'],
  ['sort=type,createdBy,desc', 'type desc, createdBy desc'],
  ['sort=createdAt,desc&sort=id,asc', 'createdAt desc, id asc'],
  ['sort=id&sort=version,desc', 'id asc, version desc'],
  ['sort=type,desc,ignorecase', 'type desc ignorecase'],
  ['sort=type,createdBy,DESC,IgnoreCase', 'type desc ignorecase, createdBy desc ignorecase'],
  ['sort=type,ignorecase', 'type asc ignorecase'],
  ['sort=type,ignorecase&sort=id', 'type asc ignorecase, id asc'],
  ['sort=desc', ''],
  ['sort=,desc', ''],
  ['sort=.', ''],
  ['sort=..,.', ''],
  ['sort=ignorecase', ''],
  ['sort=desc,ignorecase', ''],
  ['sort=&sort=createdAt,desc', 'createdAt desc'],
  ['sort=createdAt,,desc', 'createdAt desc'],
  ['sort=createdAt,desc,', 'createdAt desc'],
  ['sort=createdAt,.,%20,desc', 'createdAt desc'],
  ['sort=createdAt%2Cdesc', 'createdAt desc'],
  ['sort=createdAt%252Cdesc', 'createdAt desc'],
  ['sort[]=createdAt,desc', ''],
  ['Sort=createdAt,desc', ''],
  ['sort=CreatedAt,desc', 'createdAt desc'],
  ['sort=OrganizationId', 'organizationId asc'],
])('"%s" sorts by "%s" (spring-facts §2)', (query, sort) => {
  expect(readSort(query)).toEqual({ sort, errors: {} })
})

test.each([
  ['createdAt,desc,id', 'desc'],
  ['createdAt,ignorecase,desc', 'ignorecase'],
  ['createdAt,descending', 'descending'],
  ['createdAt,%20desc', ' desc'],
  ['createdAt:desc', 'createdAt:desc'],
  ['%20createdAt', ' createdAt'],
  ['customerId', 'customerId'],
  ['data', 'data'],
  ['createdat', 'createdat'],
  ['CREATEDAT', 'CREATEDAT'],
  ['created_at', 'created_at'],
  ['createdAt.id', 'createdAt.id'],
  ['constructor', 'constructor'],
  ['toString', 'toString'],
  ['__proto__', '__proto__'],
  ['%25', '%'],
  ['id&sort=nothing', 'nothing'],
])('"sort=%s" is rejected with an error that contains "%s"', (query, part) => {
  expect(Object.keys(readSort(`sort=${query}`).errors)).toEqual(['sort'])
  expect(readSort(`sort=${query}`).errors.sort).toContain(`"${part}"`)
})

test('the error lists the properties to sort by', () => {
  const { sort = '' } = readSort('sort=nothing').errors

  for (const property of ['id', 'organizationId', 'createdBy', 'createdAt', 'type', 'version'])
    expect(sort).toContain(property)
})

test('the error does not repeat an unknown property of a megabyte', () => {
  expect(readSort(`sort=${'x'.repeat(1_000_000)}`).errors.sort?.length).toBeLessThan(300)
})

test('any list of properties is read, with any direction in any letter case and blanks between them', () => {
  const keyword = (word: string) =>
    fc.mixedCase(fc.constant(word)).map((text) => ({ text, word: word.toLowerCase() }))
  const absent = fc.constant({ text: '', word: '' })
  const parameter = fc.record({
    properties: fc.shuffledSubarray(Object.keys(sortColumns), { minLength: 1 }),
    direction: fc.oneof(absent, keyword('asc'), keyword('desc')),
    ignoreCase: fc.oneof(absent, keyword('ignorecase')),
    blanks: fc.array(fc.constantFrom('', ' ', '.', '. .'), { maxLength: 2 }),
  })
  fc.assert(
    fc.property(fc.array(parameter, { maxLength: 3 }), (all) => {
      const query = new URLSearchParams()
      const expected = new Map<string, string>()
      for (const { properties, direction, ignoreCase, blanks } of all) {
        query.append(
          'sort',
          [...blanks, ...properties, ...blanks, direction.text, ignoreCase.text, ''].join(','),
        )
        for (const property of properties)
          if (!expected.has(property))
            expected.set(
              property,
              `${property} ${direction.word || 'asc'}${ignoreCase.word && ` ${ignoreCase.word}`}`,
            )
      }
      expect(readSort(query.toString())).toEqual({ sort: [...expected.values()].join(', '), errors: {} })
    }),
  )
})
