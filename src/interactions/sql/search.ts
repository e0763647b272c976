// The search: chooses the statement for the criteria, and runs cheap ones together.
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { batch, type Lists } from '../../database/batches.ts'
import type { Database } from '../../database/database.ts'
import type { Tables } from '../../database/tables.ts'
import {
  type Criteria,
  type RangeValues,
  rangeTypes,
  type Shape,
  toShape,
  toValues,
  type Values,
} from './matching.ts'
import type { Pageable } from './order.ts'
import { prepareByShape } from './prepared-statements.ts'
import { maximumLoadBytes } from './rows.ts'
import { composeSearch, isFoundByTotals, type SearchRow, search } from './search-statement.ts'

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

export interface Search {
  /** whether the search costs little, whatever it finds */
  readonly isCheap: boolean
  /** Finds one page, and the exact number of all matching interactions. */
  run(): Promise<SearchResult>
}

export interface SearchOptions {
  /** whether kept totals replace counting; without them each total costs as much as there is to count */
  readonly keepsTotals: boolean
}

/** Prepares searches. A statement is compiled when its shape is first asked for. */
export function prepareSearch(
  database: Database,
  { keepsTotals }: SearchOptions,
): (criteria: Criteria, pageable: Pageable) => Search {
  const pace = watchPace()
  const run = prepareByShape(database, {
    name: 'search_interactions',
    maximum: 64,
    compose: composeSearch,
    prepareBatched: (shape, name) =>
      isFoundByTotals(shape) ? batchSearches(database, { shape, name, pace }) : undefined,
  })
  return (criteria, pageable) => {
    const values = toValues(criteria, pageable)
    const shape = toShape(criteria, pageable, values, keepsTotals)
    return {
      isCheap: pace.isFast() && isFoundByTotals(shape),
      async run() {
        const [row] = await run(shape, values)
        if (row === undefined) throw new Error('a search returned no row')
        return toResult(row)
      },
    }
  }
}

function toResult({ found, total, text, ids, sizes }: SearchRow): SearchResult {
  return {
    found: Number(found),
    total: Number(total),
    content: ids?.map((id, index) => ({ id, bytes: sizes?.[index] ?? 0 })) ?? text ?? '',
  }
}

/** The parameters of several searches by date. */
type SearchLists = Lists<RangeValues> & {
  /** how many bytes of data each page may load */
  readonly load: number
}

/** Up to how many milliseconds a search takes, the next ones share a statement. */
const fastMs = 20

/** Distinguishes fast searches from those that count, since totals are not kept, or not yet. */
interface Pace {
  isFast(): boolean
  record(milliseconds: number): void
}

function watchPace(): Pace {
  let isFast = false
  return {
    isFast: () => isFast,
    record: (milliseconds) => {
      isFast = milliseconds <= fastMs
    },
  }
}

/**
 * Runs searches of one shape together as long as they are fast, so that none waits while others count.
 * @param options.shape of a search whose page and total are found by the kept totals
 */
function batchSearches(
  database: Database,
  { shape, name, pace }: { readonly shape: Shape; readonly name: string; readonly pace: Pace },
): (values: Values) => Promise<readonly SearchRow[]> {
  const prepared = database.prepare(
    name,
    (lists: SearchLists) => composeSearches(database.kysely, shape, lists),
    { shares: 'reads' },
  )
  const run = async (searches: readonly RangeValues[]) => {
    const began = performance.now()
    try {
      const rows = await prepared(toSearchLists(searches))
      return rows.toSorted((a, b) => Number(a.number) - Number(b.number))
    } finally {
      pace.record((performance.now() - began) / searches.length)
    }
  }
  const runTogether = batch(run, {
    concurrency: 2,
    maxSize: 16,
    retryTimeoutMs: database.retryTimeoutMs,
  })
  return async (values) => {
    if (!pace.isFast()) return run([values])
    const row = await runTogether(values)
    return fitsAlone(row) ? run([values]) : [row]
  }
}

/** Whether a page was too large to load in the batch, but is not by itself. */
function fitsAlone({ sizes }: SearchRow): boolean {
  return sizes !== null && sizes.reduce((sum, size) => sum + size, 0) <= maximumLoadBytes
}

/** Bytes of data that all pages of a batch load together. */
const batchLoadBytes = 4_194_304

/** Returns the parameters of several searches. */
export function toSearchLists(searches: readonly RangeValues[]): SearchLists {
  return {
    createdFrom: searches.map(({ createdFrom }) => createdFrom),
    createdTo: searches.map(({ createdTo }) => createdTo),
    organizationId: searches.map(({ organizationId }) => organizationId),
    size: searches.map(({ size }) => size),
    offset: searches.map(({ offset }) => offset),
    load: Math.min(maximumLoadBytes, Math.floor(batchLoadBytes / searches.length)),
  }
}

const rangeNames: readonly (keyof RangeValues)[] = [
  'createdFrom',
  'createdTo',
  'organizationId',
  'size',
  'offset',
]

/** Compiles the statement of several searches. It returns a row for each, with its number from 1. */
export function composeSearches(
  kysely: Kysely<Tables>,
  shape: Shape,
  lists: SearchLists,
): CompiledQuery<SearchRow & { readonly number: string }> {
  const names = rangeNames.filter((name) => shape.given.includes(name))
  const values = Object.fromEntries(names.map((name) => [name, sql.ref(`asked.${name}`)]))
  const given = names.map((name) => sql`${lists[name]}::${sql.raw(rangeTypes[name])}[]`)
  return sql<SearchRow & { readonly number: string }>`
    select answer.*, asked.number
    from unnest(${sql.join(given)}) with ordinality as asked (${sql.join(names.map((name) => sql.ref(name)))}, number)
    cross join lateral (${search(kysely, shape, values, sql`${lists.load}::bigint`)}) as answer`.compile(
    kysely,
  )
}
