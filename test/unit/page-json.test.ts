import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pageEnvelope } from '../../src/interactions/page.ts'
import type { Pageable } from '../../src/interactions/sql/order.ts'

const unsorted = { empty: true, sorted: false, unsorted: true }
const sorted = { empty: false, sorted: true, unsorted: false }
const byId = [{ property: 'id', direction: 'asc', ignoreCase: false }] as const

function pageJson(pageable: Pageable, content: readonly string[], total: number): string {
  return pageEnvelope(pageable, content.length, total).join(content.join(','))
}

/** Returns the interactions on one page of a result with `total` matches. */
function contentOf({ page, size }: Pageable, total: number): string[] {
  const found = Math.max(0, Math.min(size, total - page * size))
  return Array.from({ length: found }, (_, index) => `{"id":"${page * size + index}"}`)
}

describe('the page object (spring-facts §3)', () => {
  test.each([
    // total, page; totalPages, found, first, last, empty, offset
    [45, 0, 3, 20, true, false, false, 0],
    [45, 1, 3, 20, false, false, false, 20],
    [45, 2, 3, 5, false, true, false, 40],
    [20, 0, 1, 20, true, true, false, 0],
    [40, 1, 2, 20, false, true, false, 20],
    [7, 0, 1, 7, true, true, false, 0],
    [45, 9, 3, 0, false, true, true, 180],
    [45, 3, 3, 0, false, true, true, 60],
    [0, 0, 0, 0, true, true, true, 0],
    [0, 3, 0, 0, false, true, true, 60],
  ])(
    'of %i matches, page %i is the page of Spring',
    (total, page, totalPages, found, first, last, empty, offset) => {
      const pageable = { page, size: 20, sort: [] }
      const content = contentOf(pageable, total)

      expect(JSON.parse(pageJson(pageable, content, total))).toEqual({
        content: content.map((text) => JSON.parse(text)),
        pageable: { pageNumber: page, pageSize: 20, sort: unsorted, offset, paged: true, unpaged: false },
        totalElements: total,
        totalPages,
        last,
        size: 20,
        number: page,
        sort: unsorted,
        first,
        numberOfElements: found,
        empty,
      })
    },
  )

  test("has its members in Spring's order", () => {
    const page = JSON.parse(pageJson({ page: 0, size: 20, sort: byId }, ['{}'], 1))

    expect(Object.keys(page).join()).toBe(
      'content,pageable,totalElements,totalPages,last,size,number,sort,first,numberOfElements,empty',
    )
    expect(Object.keys(page.pageable).join()).toBe('pageNumber,pageSize,sort,offset,paged,unpaged')
    expect(Object.keys(page.sort).join()).toBe('empty,sorted,unsorted')
  })

  test('says that it is sorted, but not by which properties', () => {
    const { sort, pageable } = JSON.parse(pageJson({ page: 0, size: 20, sort: byId }, [], 0))

    expect([sort, pageable.sort]).toEqual([sorted, sorted])
  })

  test('contains the text of each interaction unchanged', () => {
    const content = ['{"data":{"n":12345678901234567890,"n":1.0}}', '{"data":{ "é" : 1e400 }}']

    expect(pageJson({ page: 0, size: 2, sort: [] }, content, 2)).toContain(
      `{"content":[${content.join(',')}],"`,
    )
  })

  test('equals the slice of the whole result on each page', () => {
    const smallNumber = fc.integer({ min: 0, max: 60 })
    fc.assert(
      fc.property(smallNumber, smallNumber, fc.integer({ min: 1, max: 30 }), (total, page, size) => {
        const all = Array.from({ length: total }, (_, index) => index)
        const pages = all.filter((index) => index % size === 0).map((start) => all.slice(start, start + size))
        const content = pages[page] ?? []
        const pageable = { page, size, sort: [] }

        expect(JSON.parse(pageJson(pageable, content.map(String), total))).toMatchObject({
          content,
          totalElements: total,
          totalPages: pages.length,
          last: page >= pages.length - 1,
          first: page === 0,
          numberOfElements: content.length,
          empty: content.length === 0,
        })
      }),
    )
  })

  test("equals Spring's PageImpl also when rows are created or removed between page and count", () => {
    const parts = fc.record({
      page: fc.integer({ min: 0, max: 2_147_483_647 }),
      size: fc.integer({ min: 1, max: 2000 }),
      found: fc.integer({ min: 0, max: 9 }),
      drift: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -5000, max: 5000 })),
    })
    fc.assert(
      fc.property(parts, ({ page, size, found, drift }) => {
        fc.pre(found <= size)
        const counted = Math.max(0, page * size + size + drift)
        const content = Array.from({ length: found }, () => 0)

        const { totalElements, totalPages, last, pageable } = JSON.parse(
          pageJson({ page, size, sort: [] }, content.map(String), counted),
        )

        const [p, s, n, t] = [BigInt(page), BigInt(size), BigInt(found), BigInt(counted)]
        const total = n > 0n && p * s + s > t ? p * s + n : t
        const pages = (total + s - 1n) / s
        expect([BigInt(totalElements), BigInt(totalPages), last]).toEqual([total, pages, !(p + 1n < pages)])
        expect(BigInt(pageable.offset)).toBe(p * s)
      }),
    )
  })
})
