// The search: prepares its statement for what is asked, and runs it.
import type { CompiledQuery, Kysely } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Tables } from '../../database/tables.ts'
import { type Criteria, toShape, toValues } from './filters.ts'
import { gatherSearches, watchPace } from './gathered-search.ts'
import type { Pageable } from './order.ts'
import { prepareShapes } from './prepared-statements.ts'
import { composeSearch, isFoundByTotals, type SearchRow } from './search-statement.ts'

/** An interaction of a page that was left where it is. */
export interface StoredInteraction {
  readonly id: string
  /** about how large its data are */
  readonly bytes: number
}

export interface SearchResult {
  /** how many interactions are on the page */
  readonly found: number
  /** how many match, on all pages */
  readonly total: number
  /**
   * the JSON texts of those on the page in the order asked for, between commas; or, when their data are too large to
   * be loaded at once, which they are
   */
  readonly content: string | readonly StoredInteraction[]
}

export interface SearchOptions {
  /** whether kept totals may stand in for counting; without them each total is counted, at the cost of its size */
  readonly keepsTotals: boolean
}

export interface Search {
  /** One page of what matches, and the exact number of all that do. */
  search(criteria: Criteria, pageable: Pageable): Promise<SearchResult>
  /** Whether a search will cost little, whatever it finds: those are gathered, while others take a connection each. */
  isBrief(criteria: Criteria, pageable: Pageable): boolean
}

/** Statements are compiled when their shape is first asked for. */
export function prepareSearch(database: Database, { keepsTotals }: SearchOptions): Search {
  const pace = watchPace()
  const run = prepareShapes(database, {
    name: 'search_interactions',
    most: 64,
    compose: composeSearch,
    prepareOtherwise: (shape, name) =>
      isFoundByTotals(shape) ? gatherSearches(database, { shape, name, pace }) : undefined,
  })

  return {
    async search(criteria, pageable) {
      const values = toValues(criteria, pageable)
      const [answer] = await run(toShape(criteria, pageable, values, keepsTotals), values)
      if (answer === undefined) throw new Error('a search gave no answer')
      return toResult(answer)
    },
    isBrief: (criteria, pageable) =>
      pace.isBrief() &&
      isFoundByTotals(toShape(criteria, pageable, toValues(criteria, pageable), keepsTotals)),
  }
}

function toResult({ found, total, text, ids, sizes }: SearchRow): SearchResult {
  return {
    found: Number(found),
    total: Number(total),
    content: ids?.map((id, index) => ({ id, bytes: sizes?.[index] ?? 0 })) ?? text ?? '',
  }
}

/** The statement that finds one page of what matches, and the total. */
export function compileSearch(
  kysely: Kysely<Tables>,
  criteria: Criteria,
  pageable: Pageable,
  { keepsTotals }: SearchOptions,
): CompiledQuery<SearchRow> {
  const values = toValues(criteria, pageable)
  return composeSearch(kysely, toShape(criteria, pageable, values, keepsTotals), values)
}
