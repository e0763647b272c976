// The page of Spring Data: its query parameters (spring-facts §1, §2) and its JSON (spring-facts §3).
import type { SchemaOptions } from '@sinclair/typebox'
import { Decoded, InvalidValue, toValues } from '../types/decoded.ts'
import { type Order, type Pageable, type SortProperty, sortColumns } from './sql/order.ts'

const defaultPage = 0
const defaultSize = 20
const maximumSize = 2000

/** The number of a page from 0. Any value that is not one decodes to 0. */
export const PageNumber = (options: SchemaOptions) =>
  Decoded({ type: 'integer', default: defaultPage, ...options }, (given) => {
    const page = parseInt32(toValues(given)[0])
    return page !== undefined && page >= 0 ? page : defaultPage
  })

/** The size of a page, at most 2000. Any value that is not one decodes to 20. */
export const PageSize = (options: SchemaOptions) =>
  Decoded({ type: 'integer', default: defaultSize, ...options }, (given) => {
    const size = parseInt32(toValues(given)[0])
    return size !== undefined && size >= 1 ? Math.min(size, maximumSize) : defaultSize
  })

/** The requested order. Unknown properties are not accepted. */
export const Sort = (options: SchemaOptions) =>
  Decoded({ type: 'array', items: { type: 'string', pattern: sortPattern }, ...options }, (given) =>
    readSort(toValues(given)),
  )

/** Returns the requested page with Spring's defaults. */
export function toPageable({ page, size, sort }: Readonly<Partial<Pageable>>): Pageable {
  return { page: page ?? defaultPage, size: size ?? defaultSize, sort: sort ?? [] }
}

const properties = Object.keys(sortColumns)
const property = properties
  .map((name) => `[${name.slice(0, 1)}${name.slice(0, 1).toUpperCase()}]${name.slice(1)}`)
  .join('|')
const comma = '(?:^|,|%2[cC])'
const blanks = `(?:${comma}[\\s.]*)*`
/** Blank parts are ignored. Commas may be percent-encoded once more. */
const sortPattern = `^(?:${comma}(?:${property}|[\\s.]*))*(?:${comma}([aA][sS][cC]|[dD][eE][sS][cC])${blanks})?(?:${comma}[iI][gG][nN][oO][rR][eE][cC][aA][sS][eE]${blanks})?$`

function parseInt32(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined
  const value = Number(text)
  return value >= -2_147_483_648 && value <= 2_147_483_647 ? value : undefined
}

function readSort(values: readonly string[]): readonly Order[] {
  const orders = new Map<SortProperty, Order>()
  for (const value of values) {
    const parts = decodeAgain(value)
      .split(',')
      .filter((part) => !/^[\s.]*$/.test(part))
    const ignoreCase = popIf(parts, /^ignorecase$/i) !== undefined
    const direction = popIf(parts, /^(asc|desc)$/i)?.toLowerCase() === 'desc' ? 'desc' : 'asc'
    for (const part of parts) {
      const property = toSortProperty(part)
      if (!orders.has(property)) orders.set(property, { property, direction, ignoreCase })
    }
  }
  return [...orders.values()]
}

/** Since Spring Data 3.3 a sort parameter is percent-decoded a second time. */
function decodeAgain(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

function popIf(parts: string[], pattern: RegExp): string | undefined {
  return pattern.test(parts.at(-1) ?? '') ? parts.pop() : undefined
}

const isSortProperty = (name: string): name is SortProperty => Object.hasOwn(sortColumns, name)

function toSortProperty(name: string): SortProperty {
  const decapitalized = name.slice(0, 1).toLowerCase() + name.slice(1)
  if (isSortProperty(decapitalized)) return decapitalized
  throw new InvalidValue(
    `has the unknown property "${name.slice(0, 50)}"; accepted are ${properties.join(', ')}`,
  )
}

/** Returns the total as Spring does: on the last page what was found overrides what was counted. */
function countElements({ page, size }: Omit<Pageable, 'sort'>, found: number, total: number): number {
  const offset = page * size
  return found > 0 && offset + size > total ? offset + found : total
}

/** Returns the number of pages; the parameters are those of pageEnvelope(). */
export function countPages(pageable: Omit<Pageable, 'sort'>, found: number, total: number): number {
  return Math.ceil(countElements(pageable, found, total) / pageable.size)
}

/**
 * Returns the text before and after the interactions of a page, with the members in Spring's order.
 * @param found how many interactions are on the page
 * @param total how many interactions match, on all pages
 */
export function pageEnvelope({ page, size, sort }: Pageable, found: number, total: number): [string, string] {
  const offset = page * size
  const totalElements = countElements({ page, size }, found, total)
  const totalPages = countPages({ page, size }, found, total)
  const sortObject = { empty: sort.length === 0, sorted: sort.length > 0, unsorted: sort.length === 0 }
  const pageable = { pageNumber: page, pageSize: size, sort: sortObject, offset, paged: true, unpaged: false }
  const rest = {
    pageable,
    totalElements,
    totalPages,
    last: page + 1 >= totalPages,
    size,
    number: page,
    sort: sortObject,
    first: page === 0,
    numberOfElements: found,
    empty: found === 0,
  }
  return ['{"content":[', `],${JSON.stringify(rest).slice(1)}`]
}
