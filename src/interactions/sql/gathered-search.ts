// Searches that each cost little are one statement, as many as are asked for at about the same time.
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { batch, type Lists } from '../../database/batches.ts'
import type { Database } from '../../database/database.ts'
import type { Tables } from '../../database/tables.ts'
import { ofRange, type Shape, type Values } from './filters.ts'
import { largestLoad } from './rows.ts'
import { type SearchRow, search } from './search-statement.ts'

type Given = keyof typeof ofRange

/** What several searches ask for. */
export type SearchLists = Lists<Pick<Values, Given>> & {
  /** how many bytes the data of each page may have to be loaded */
  readonly load: number
}

/** How long a search takes at most, in milliseconds, for as long as it and the next ones count as brief. */
const briefMs = 20

/** Tells searches that are brief from those that have to count, since totals are not kept, or not yet. */
export interface Pace {
  /** Whether the one before was. */
  isBrief(): boolean
  /** Notes how long one took. */
  note(milliseconds: number): void
}

export function watchPace(): Pace {
  let isBrief = false
  return {
    isBrief: () => isBrief,
    note: (milliseconds) => {
      isBrief = milliseconds <= briefMs
    },
  }
}

/**
 * Gathers searches as long as they are brief, so that none waits for the counting of others. To be called once for a
 * database and a name.
 * @param options.shape of searches by date alone, whose pages and totals are found by the kept totals
 */
export function gatherSearches(
  database: Database,
  { shape, name, pace }: { readonly shape: Shape; readonly name: string; readonly pace: Pace },
): (values: Values) => Promise<readonly SearchRow[]> {
  const prepared = database.prepare(
    name,
    (lists: SearchLists) => composeSearches(database.kysely, shape, lists),
    { shares: 'reads' },
  )
  const run = async (searches: readonly Values[]) => {
    const began = performance.now()
    try {
      const answers = await prepared(toSearchLists(searches))
      return answers.toSorted((a, b) => Number(a.number) - Number(b.number))
    } finally {
      pace.note((performance.now() - began) / searches.length)
    }
  }
  const gathered = batch(run, { concurrency: 2, maxSize: 16, retryTimeoutMs: database.retryTimeoutMs })
  return async (values) => {
    if (!pace.isBrief()) return run([values])
    const answer = await gathered(values)
    return isLargeAmongOthers(answer) ? run([values]) : [answer]
  }
}

/** Whether the page has not been loaded, and would be by itself. */
function isLargeAmongOthers({ sizes }: SearchRow): boolean {
  return sizes !== null && sizes.reduce((sum, size) => sum + size, 0) <= largestLoad
}

/** Together they load no more than one by itself. */
export function toSearchLists(searches: readonly Values[]): SearchLists {
  return {
    createdFrom: searches.map(({ createdFrom }) => createdFrom),
    createdTo: searches.map(({ createdTo }) => createdTo),
    organizationId: searches.map(({ organizationId }) => organizationId),
    size: searches.map(({ size }) => size),
    offset: searches.map(({ offset }) => offset),
    load: Math.floor(largestLoad / searches.length),
  }
}

/** The statement of several searches, which gives each an answer with its number, from 1. */
export function composeSearches(
  kysely: Kysely<Tables>,
  shape: Shape,
  lists: SearchLists,
): CompiledQuery<SearchRow & { readonly number: string }> {
  const names = (Object.keys(ofRange) as Given[]).filter((name) => shape.given.includes(name))
  const values = Object.fromEntries(names.map((name) => [name, sql.ref(`asked.${name}`)]))
  const given = names.map((name) => sql`${lists[name]}::${sql.raw(ofRange[name])}[]`)
  return sql<SearchRow & { readonly number: string }>`
    select answer.*, asked.number
    from unnest(${sql.join(given)}) with ordinality as asked (${sql.join(names.map((name) => sql.ref(name)))}, number)
    cross join lateral (${search(kysely, shape, values, sql`${lists.load}::bigint`)}) as answer`.compile(
    kysely,
  )
}
