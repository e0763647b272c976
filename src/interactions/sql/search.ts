// The search: chooses the statement for the criteria, and runs cheap ones together.
import { LRUCache } from 'lru-cache'
import { batch } from '../../database/batches/batches.ts'
import type { Database } from '../../database/database.ts'
import type { StatementLimits } from '../../database/pool.ts'
import { type Criteria, type RangeValues, type Shape, toShape, toValues, type Values } from './matching.ts'
import type { Pageable } from './order.ts'
import { prepareByShape, type RunOptions } from './prepared-statements.ts'
import { maximumLoadBytes } from './rows.ts'
import {
  batchLoadBytes,
  composeSearch,
  composeSearches,
  isFoundByTotals,
  type SearchLists,
  type SearchRow,
  toSearchLists,
} from './search-statement.ts'

/** An interaction of a page whose data was not loaded. */
export interface UnloadedInteraction {
  readonly id: string
  /** about how large its data is */
  readonly bytes: number
}

export interface SearchResult {
  /** how many interactions are on the page */
  readonly found: number
  /** how many match, on all pages */
  readonly total: number
  /** the JSON texts of the page in order, separated by commas; its interactions, when their data is too large to load */
  readonly content: string | readonly UnloadedInteraction[]
}

/**
 * What a search is expected to cost. `cheap`: little, whatever it finds. `short`: the latest one of its shape and
 * organization took at most `fastMs`. `long`: that one took longer, or there was none, or the page is large.
 */
export type SearchCost = 'cheap' | 'short' | 'long'

export interface Search {
  readonly cost: SearchCost
  /**
   * Finds one page, and the exact number of all matching interactions.
   * @param gone ends a search that is not cheap
   * @throws an error for which `isCancelled` is true when the search is not cheap and takes too long
   */
  run(gone?: AbortSignal): Promise<SearchResult>
}

export interface SearchOptions {
  /** whether kept totals replace counting; without them each total costs as much as there is to count */
  readonly keepsTotals: boolean
  /** how long a search or a statement of a scan may run, in milliseconds; undefined: as long as any statement */
  readonly searchTimeoutMs?: number | undefined
}

/** Prepares a search. `holder`: whose turn it takes among those that share a statement. */
export type PrepareSearch = (criteria: Criteria, pageable: Pageable, holder: string) => Search

/** Prepares searches. A statement is compiled when its shape is first asked for. */
export function prepareSearch(
  database: Database,
  { keepsTotals, searchTimeoutMs }: SearchOptions,
): PrepareSearch {
  const [pace, paceOfShapes] = [watchPace(), watchPace()]
  const run = prepareByShape(database, {
    name: 'search_interactions',
    maximum: 64,
    compose: composeSearch,
    prepareBatched: (shape, name) =>
      isFoundByTotals(shape) ? batchSearches(database, { shape, name, pace }) : undefined,
  })
  return (criteria, pageable, holder) => {
    const values = toValues(criteria, pageable)
    const shape = toShape(criteria, pageable, values, keepsTotals)
    if (isFoundByTotals(shape) && isFast(pace, values))
      return { cost: 'cheap', run: async () => toResult(await run(shape, values, { holder })) }
    const kind = `${values.organizationId ?? ''} ${shape.key}`
    return {
      cost: isFast(paceOfShapes, values, kind) ? 'short' : 'long',
      async run(signal) {
        const began = performance.now()
        let isFast = false
        try {
          const rows = await run(shape, values, { holder, timeoutMs: searchTimeoutMs, signal })
          isFast = performance.now() - began <= fastMs
          return toResult(rows)
        } finally {
          paceOfShapes.record(kind, isFast)
        }
      },
    }
  }
}

function toResult([row]: readonly SearchRow[]): SearchResult {
  if (row === undefined) throw new Error('a search returned no row')
  const { found, total, text, ids, sizes } = row
  return {
    found: Number(found),
    total: Number(total),
    content: ids?.map((id, index) => ({ id, bytes: sizes?.[index] ?? 0 })) ?? text ?? '',
  }
}

/** Up to how many milliseconds a search takes, and how many interactions its page has, it shares a statement. */
const fastMs = 20
const maximumBatchedSize = 200

/** How many interactions the pages of a statement have together, unless it is one search. */
const maximumBatchedSizes = 1000

/** Larger pages do not share statements, in bytes: together they would not fit. */
const largePageBytes = batchLoadBytes / 16

/** Remembers which searches were fast: of each organization by date, or of each organization and shape. */
interface Pace {
  /** undefined: not known yet */
  isFast(kind: string): boolean | undefined
  record(kind: string, isFast: boolean): void
}

/** How many kinds are remembered. */
const maxPaced = 10_000

function watchPace(): Pace {
  const pace = new LRUCache<string, boolean>({ max: maxPaced })
  return {
    isFast: (kind) => pace.get(kind),
    record: (kind, isFast) => {
      if (pace.get(kind) !== isFast) pace.set(kind, isFast)
    },
  }
}

/** Whether a search is fast, as far as is known. Large pages are not: they must not make the searches of others slow. */
function isFast(pace: Pace, { organizationId = '', size }: RangeValues, kind = organizationId): boolean {
  return size <= maximumBatchedSize && pace.isFast(kind) === true
}

/**
 * Runs searches of one shape together as long as they are fast, so that none waits while others count.
 * @param options.shape of a search whose page and total are found by the kept totals
 */
function batchSearches(
  database: Database,
  { shape, name, pace }: { readonly shape: Shape; readonly name: string; readonly pace: Pace },
): (values: Values, options: RunOptions) => Promise<readonly SearchRow[]> {
  const prepared = database.prepare(
    name,
    (lists: SearchLists) => composeSearches(database.kysely, shape, lists),
    { shares: 'reads' },
  )
  const run = async (searches: readonly RangeValues[], limits?: StatementLimits) => {
    let began = performance.now()
    const onSend = () => {
      began = performance.now()
    }
    let isFast = false
    try {
      const rows = await prepared(toSearchLists(searches), limits && { ...limits, onSend })
      isFast = (performance.now() - began) / searches.length <= fastMs
      return rows.toSorted((a, b) => Number(a.number) - Number(b.number))
    } finally {
      for (const { organizationId = '' } of searches) pace.record(organizationId, isFast)
    }
  }
  const runAlone = async (values: RangeValues, limits: StatementLimits) => {
    const { organizationId = '' } = values
    // the first one is likely to be fast
    const isFirst = values.size <= maximumBatchedSize && pace.isFast(organizationId) === undefined
    const rows = await run([values], isFirst ? undefined : limits)
    if (rows.some(isLarge)) pace.record(organizationId, false)
    return rows
  }
  const runTogether = batch((searches: readonly RangeValues[]) => run(searches), {
    concurrency: 2,
    maxSize: 16,
    maxWeight: maximumBatchedSizes,
    startTimeoutMs: database.connectTimeoutMs,
  })
  return async (values, options) => {
    if (!isFast(pace, values)) return runAlone(values, options)
    const row = await runTogether(values, options.holder, values.size)
    return fitsAlone(row) ? runAlone(values, options) : [row]
  }
}

/** Whether a page is too large to share a statement. */
function isLarge({ text, sizes }: SearchRow): boolean {
  return sizes !== null || (text !== null && text.length > largePageBytes)
}

/** Whether a page was too large to load in the batch, but is not by itself. */
function fitsAlone({ sizes }: SearchRow): boolean {
  return sizes !== null && sizes.reduce((sum, size) => sum + size, 0) <= maximumLoadBytes
}
