// Spring Data's page: reads page, size and sort as Spring does, and builds the page object. Pure.
import type { Faults } from '../http/problem.ts'
import { type Order, type Pageable, type SortProperty, sortColumns } from './sql/order.ts'

/** All values of a query parameter in the order of the request. */
export type ParameterValues = (name: string) => readonly string[]

/** Reads what Spring's Pageable argument reads (spring-facts §1, §2); only an unknown sort property is a fault. */
export function readPageable(values: ParameterValues, faults: Faults): Pageable {
  const page = parseInt32(values('page')[0])
  const size = parseInt32(values('size')[0])
  return {
    page: page !== undefined && page >= 0 ? page : 0,
    size: size !== undefined && size >= 1 ? Math.min(size, 2000) : 20,
    sort: readSort(values('sort'), faults),
  }
}

function parseInt32(text: string | undefined): number | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined
  const value = Number(text)
  return value >= -2_147_483_648 && value <= 2_147_483_647 ? value : undefined
}

function readSort(values: readonly string[], faults: Faults): Order[] {
  const orders = new Map<SortProperty, Order>()
  for (const value of values) {
    const parts = decodeOnceMore(value)
      .split(',')
      .filter((part) => !/^[\s.]*$/.test(part))
    const ignoreCase = popIf(parts, /^ignorecase$/i) !== undefined
    const direction = popIf(parts, /^(asc|desc)$/i)?.toLowerCase() === 'desc' ? 'desc' : 'asc'
    for (const part of parts) {
      const property = toSortProperty(part)
      if (property === undefined)
        faults.sort = `"${part.slice(0, 50)}" is no property to sort by; these are: ${Object.keys(sortColumns).join(', ')}`
      else if (!orders.has(property)) orders.set(property, { property, direction, ignoreCase })
    }
  }
  return [...orders.values()]
}

/** Since Spring Data 3.3 a sort parameter is percent-decoded a second time. */
function decodeOnceMore(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

function popIf(parts: string[], pattern: RegExp): string | undefined {
  return pattern.test(parts.at(-1) ?? '') ? parts.pop() : undefined
}

function toSortProperty(name: string): SortProperty | undefined {
  const decapitalized = name.slice(0, 1).toLowerCase() + name.slice(1)
  return Object.hasOwn(sortColumns, decapitalized) ? (decapitalized as SortProperty) : undefined
}

/** How many interactions there are on all pages, as Spring has it: the last page tells better than a count before it. */
function countElements({ page, size }: Omit<Pageable, 'sort'>, found: number, total: number): number {
  const offset = page * size
  return found > 0 && offset + size > total ? offset + found : total
}

/** How many pages there are; the parameters are those of `pageEnvelope`. */
export function countPages(pageable: Omit<Pageable, 'sort'>, found: number, total: number): number {
  return Math.ceil(countElements(pageable, found, total) / pageable.size)
}

/**
 * What stands before and behind the interactions in the reply's text, in the order in which Spring writes the members
 * (spring-facts §3).
 * @param found how many interactions the page holds
 * @param total how many interactions there are on all pages
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
