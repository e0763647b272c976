// The search of contract §6 over an array in memory: the oracle that the service is compared with.

/** A JSON value that keeps the digits of its numbers. */
export type Json =
  | null
  | boolean
  | string
  | { readonly digits: string }
  | { readonly items: readonly Json[] }
  | { readonly members: readonly (readonly [string, Json])[] }

export interface ModelInteraction {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  /** milliseconds since 1970 */
  readonly createdAt: number
  readonly type: string | null
  readonly version: number
  /** the members of `data`; the last of duplicate members counts */
  readonly data: readonly (readonly [string, Json])[]
}

export type SortProperty = Exclude<keyof ModelInteraction, 'data'>

export interface ModelOrder {
  readonly property: SortProperty
  readonly direction: 'asc' | 'desc'
  readonly ignoreCase: boolean
}

export interface ModelSearch {
  /** nanoseconds since 1970; both ends are inclusive */
  readonly start: bigint
  readonly end: bigint
  readonly organizationId?: string | undefined
  /** matches any of these */
  readonly types?: readonly string[] | undefined
  readonly userId?: string | undefined
  /** matches all of these */
  readonly recording?: readonly string[] | undefined
  readonly customerId?: string | undefined
  readonly conferenceId?: string | undefined
  /** matches any of these */
  readonly tags?: readonly string[] | undefined
  readonly onHoldDurationGt?: string | undefined
  readonly onHoldDurationLt?: string | undefined
  readonly sort: readonly ModelOrder[]
}

/** Returns the matching interactions in the requested order. */
export function searchModel(
  interactions: readonly ModelInteraction[],
  search: ModelSearch,
): ModelInteraction[] {
  return interactions.filter((one) => matches(one, search)).sort(comparator(search.sort))
}

/** Returns a page as in spring-facts §3, without its content. */
export function modelPage(total: number, page: number, size: number, isSorted: boolean) {
  const sort = { empty: !isSorted, sorted: isSorted, unsorted: !isSorted }
  const found = Math.max(0, Math.min(size, total - page * size))
  const totalPages = Math.ceil(total / size)
  return {
    pageable: { pageNumber: page, pageSize: size, sort, offset: page * size, paged: true, unpaged: false },
    totalElements: total,
    totalPages,
    last: page >= totalPages - 1,
    size,
    number: page,
    sort,
    first: page === 0,
    numberOfElements: found,
    empty: found === 0,
  }
}

function matches(one: ModelInteraction, search: ModelSearch): boolean {
  const created = BigInt(one.createdAt) * 1_000_000n
  const member = (name: string) => one.data.findLast(([key]) => key === name)?.[1]
  const is = (expected: string | undefined, value: string | null | undefined) =>
    expected === undefined || expected === value
  const recorded: Record<string, boolean> = {
    media: isText(member('recorderId')),
    no_media: !isText(member('recorderId')),
    cobrowse: isText(member('cobrowseRecorderId')),
    no_cobrowse: !isText(member('cobrowseRecorderId')),
  }
  const onHold = duration(member('onHoldDuration'))
  const { types, tags, onHoldDurationGt: above, onHoldDurationLt: below } = search
  return (
    created >= search.start &&
    created <= search.end &&
    is(search.organizationId, one.organizationId) &&
    (types === undefined || types.some((type) => type === one.type)) &&
    is(search.userId, one.createdBy) &&
    (search.recording ?? []).every((word) => recorded[word]) &&
    is(search.customerId, searchable(identifier(member('customerId')))) &&
    is(
      search.conferenceId,
      searchable(identifier(member('conferenceId')) ?? identifier(member('roomName'))),
    ) &&
    (tags === undefined || tags.some((tag) => stringsOf(member('tags')).includes(tag))) &&
    (above === undefined || (onHold !== undefined && compareDecimals(onHold, above) > 0)) &&
    (below === undefined || (onHold !== undefined && compareDecimals(onHold, below) < 0))
  )
}

function isText(value: Json | undefined): boolean {
  return typeof value === 'string' && value !== ''
}

/** Returns a non-empty string, or the text of a number. */
function identifier(value: Json | undefined): string | undefined {
  const text = typeof value === 'object' && value !== null && 'digits' in value ? value.digits : value
  return typeof text === 'string' && text !== '' ? text : undefined
}

/** Returns undefined for a text of more than 255 characters, which a search never finds. */
function searchable(text: string | undefined): string | undefined {
  return text !== undefined && [...text].length <= 255 ? text : undefined
}

function stringsOf(value: Json | undefined): string[] {
  if (typeof value !== 'object' || value === null || !('items' in value)) return []
  const strings = value.items.filter((item) => typeof item === 'string')
  return strings.length === value.items.length ? strings : []
}

/** Returns the digits of a number that has at most 64 characters and an exponent of at most two digits. */
function duration(value: Json | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || !('digits' in value)) return undefined
  const exponent = /e[+-]?(\d+)$/i.exec(value.digits)?.[1] ?? ''
  return value.digits.length <= 64 && exponent.length <= 2 ? value.digits : undefined
}

/** Compares decimal numbers of any size exactly. */
export function compareDecimals(a: string, b: string): number {
  const scaled = [a, b].map((text) => {
    const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
    const [whole = '', fraction = ''] = mantissa.split('.')
    return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length }
  })
  const lowest = Math.min(...scaled.map(({ exponent }) => exponent))
  const [left = 0n, right = 0n] = scaled.map(
    ({ digits, exponent }) => digits * 10n ** BigInt(exponent - lowest),
  )
  return left < right ? -1 : left > right ? 1 : 0
}

/** Sorts newest first by default. Ties are sorted by id, in the direction of the last property. */
function comparator(sort: readonly ModelOrder[]) {
  const last = sort.at(-1)
  const orders: readonly ModelOrder[] =
    last === undefined
      ? [newestFirst('createdAt'), newestFirst('id')]
      : [...sort, { property: 'id', direction: last.direction, ignoreCase: false }]
  return (a: ModelInteraction, b: ModelInteraction): number => {
    for (const { property, direction, ignoreCase } of orders) {
      const order = compareValues(a[property], b[property], ignoreCase)
      if (order !== 0) return direction === 'asc' ? order : -order
    }
    return 0
  }
}

const newestFirst = (property: SortProperty): ModelOrder => ({
  property,
  direction: 'desc',
  ignoreCase: false,
})

type SortValue = string | number | null

/** Sorts a missing value as the greatest, like PostgreSQL. */
function compareValues(a: SortValue, b: SortValue, ignoreCase: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b)
  return ignoreCase ? compareTexts(a.toLowerCase(), b.toLowerCase()) : compareTexts(a, b)
}

/** Compares by code point, which equals the order of the UTF-8 bytes. */
function compareTexts(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
