// The search: prepares its statement for what is asked, and runs it.
import type { CompiledQuery, Kysely } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import type { Criteria } from './criteria.ts'
import { toShape, toValues } from './matching.ts'
import type { Pageable } from './page.ts'
import { prepareShapes } from './prepared-shapes.ts'
import type { FoundRow } from './row.ts'
import { composeSearch, isFoundByTotals, type SearchRow } from './search-statement.ts'

export interface SearchResult {
  /** in the order asked for */
  readonly rows: readonly FoundRow[]
  /** how many interactions match, on all pages */
  readonly total: number
}

export interface SearchOptions {
  /** whether kept totals may stand in for counting; without them each total is counted, at the cost of its size */
  readonly keepsTotals: boolean
}

/** Statements are compiled when their shape is first asked for. */
export function prepareSearch(
  database: Database,
  { keepsTotals }: SearchOptions,
): (criteria: Criteria, pageable: Pageable) => Promise<SearchResult> {
  const run = prepareShapes(database, {
    name: 'search_interactions',
    most: 64,
    compose: composeSearch,
    isBrief: isFoundByTotals,
  })

  return async (criteria, pageable) => {
    const values = toValues(criteria, pageable)
    const rows = await run(toShape(criteria, pageable, values, keepsTotals), values)
    return { rows: rows.filter(isFound), total: Number(rows[0]?.total) }
  }
}

/** The statement that finds one page of what matches, with the total in each row. */
export function compileSearch(
  kysely: Kysely<Tables>,
  criteria: Criteria,
  pageable: Pageable,
  { keepsTotals }: SearchOptions,
): CompiledQuery<SearchRow> {
  const values = toValues(criteria, pageable)
  return composeSearch(kysely, toShape(criteria, pageable, values, keepsTotals), values)
}

function isFound(row: SearchRow): row is FoundRow & SearchRow {
  return row.id !== null
}
