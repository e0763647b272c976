// The search: prepares its statement for what is asked, and runs it.
import type { CompiledQuery, Kysely } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import type { Criteria } from './criteria.ts'
import { toShape, toValues, type Values } from './matching.ts'
import type { Pageable } from './page.ts'
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

/** How many shapes are prepared by name, on each connection; callers may think of any number of others. */
const preparedShapes = 64

/** Statements are compiled when their shape is first asked for. */
export function prepareSearch(
  database: Database,
  { keepsTotals }: SearchOptions,
): (criteria: Criteria, pageable: Pageable) => Promise<SearchResult> {
  const prepared = new Map<string, (values: Values) => Promise<SearchRow[]>>()

  async function run(criteria: Criteria, pageable: Pageable): Promise<readonly SearchRow[]> {
    const values = toValues(criteria, pageable)
    const shape = toShape(criteria, pageable, values, keepsTotals)
    const key = JSON.stringify(shape)
    const known = prepared.get(key)
    if (known !== undefined) return known(values)
    if (prepared.size === preparedShapes)
      return (await database.kysely.executeQuery(composeSearch(database.kysely, shape, values))).rows
    const statement = database.prepare(
      `search_interactions_${prepared.size}`,
      (parameters: Values) => composeSearch(database.kysely, shape, parameters),
      { isBrief: isFoundByTotals(shape) },
    )
    prepared.set(key, statement)
    return statement(values)
  }

  return async (criteria, pageable) => {
    const rows = await run(criteria, pageable)
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
