import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toPageable } from '../../src/interactions/page.ts'
import type { Pageable } from '../../src/interactions/sql/order.ts'
import { decodeQuery } from './support/decode.ts'

const range = 'start=2025-01-20T22:00:00Z&end=2025-01-21T22:00:00Z'

function read(query: string): Pageable & { invalid: string[] } {
  const { value, invalid } = decodeQuery(`${range}&${query}`)
  return { ...toPageable(value ?? {}), invalid }
}

describe('page and size (spring-facts §1)', () => {
  test.each([
    ['', 0],
    ['page=', 0],
    ['page=%20', 0],
    ['page=-1', 0],
    ['page=abc', 0],
    ['page=1.0', 0],
    ['page=1e3', 0],
    ['page=0x10', 0],
    ['page=%201', 0],
    ['page=1%20', 0],
    ['page=99999999999', 0],
    ['page=2147483648', 0],
    ['page=2147483647', 2_147_483_647],
    ['page=3', 3],
    ['page=%2B5', 5],
    ['page=007', 7],
    ['page=+5', 0],
    ['page=1&page=2', 1],
    ['Page=5&page[]=6', 0],
  ])('"%s" selects page %i', (query, page) => {
    expect(read(query)).toMatchObject({ page, size: 20, invalid: [] })
  })

  test.each([
    ['', 20],
    ['size=', 20],
    ['size=%20', 20],
    ['size=0', 20],
    ['size=-5', 20],
    ['size=abc', 20],
    ['size=1.5', 20],
    ['size=99999999999', 20],
    ['size=2147483648', 20],
    ['size=1', 1],
    ['size=19', 19],
    ['size=%2B7', 7],
    ['size=007', 7],
    ['size=2000', 2000],
    ['size=2001', 2000],
    ['size=2147483647', 2000],
    ['size=5&size=7', 5],
  ])('"%s" selects %i per page', (query, size) => {
    expect(read(query)).toMatchObject({ page: 0, size, invalid: [] })
  })

  test('any text is read as a page and a size within bounds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.bigInt().map(String)), (text) => {
        const { page, size, invalid } = read(new URLSearchParams({ page: text, size: text }).toString())
        expect(Number.isInteger(page) && page >= 0 && page < 2 ** 31).toBe(true)
        expect(Number.isInteger(size) && size >= 1 && size <= 2000).toBe(true)
        expect(invalid).toEqual([])
      }),
    )
  })
})
