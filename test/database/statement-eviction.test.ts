// Prepared statements of searches: how many each connection keeps, and which.
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { type SortProperty, sortColumns } from '../../src/interactions/sql/order.ts'
import { parseInstant } from '../../src/types/instant.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

const { url } = await cloneDatabase()

/** Opens a database with one pooled connection, and functions that search in it. */
function open() {
  const database = openDatabase({ ...testDatabaseSettings, url, poolSize: 1 }, () => {})
  onTestFinished(() => database.close())
  const repository = interactionRepository(database, { keepsTotals: false })
  const [start, end] = ['2020-01-01T00:00:00Z', '2030-01-01T00:00:00Z'].map((text) => parseInstant(text))
  if (start === undefined || end === undefined) throw new Error('no instants')
  const search = (...sort: SortProperty[]) =>
    repository
      .search(
        { start, end, organizationId: 'acme' },
        {
          page: 0,
          size: 20,
          sort: sort.map((property) => ({ property, direction: 'asc', ignoreCase: false })),
        },
      )
      .run()
  /** Returns the statements of searches on the pooled connection. */
  const prepared = async () => {
    const { rows } = await sql<{ name: string; statement: string }>`
      select name, statement from pg_prepared_statements where name like 'search%'`.execute(database.kysely)
    return rows
  }
  return { database, search, prepared }
}

/** All orders by up to four properties other than the id. */
function* oddSorts(): Generator<SortProperty[]> {
  const properties = Object.keys(sortColumns) as SortProperty[]
  const others = properties.filter((property) => property !== 'id')
  for (const first of others)
    for (const second of others)
      for (const third of others) if (new Set([first, second, third]).size === 3) yield [first, second, third]
}

async function times(count: number, run: () => Promise<unknown>): Promise<void> {
  for (let time = 0; time < count; time++) await run()
}

test('a statement is prepared from its third use', async () => {
  const { search, prepared } = open()
  await times(2, () => search('type'))
  expect(await prepared()).toEqual([])
  await times(2, () => search('type'))
  expect(await prepared()).toHaveLength(1)
})

test('searches for the same order share a statement', async () => {
  const { search, prepared } = open()
  await search('type')
  await search('type', 'id')
  await search('type', 'id', 'version')
  await search('type')
  expect(await prepared()).toHaveLength(1)
})

test('odd searches displace no search that is in use, and leave few statements behind', async () => {
  const { search, prepared } = open()
  await times(3, () => search('createdBy'))
  const [common] = await prepared()
  const sorts = [...oddSorts(), ...[...oddSorts()].map((sort) => sort.slice(0, 2))]
  expect(sorts.length).toBeGreaterThan(64)
  for (const sort of sorts) {
    await times(3, () => search(...sort))
    await search('createdBy')
  }
  // the last discarded statement is freed by the next prepared one
  await search('createdBy')
  const after = await prepared()
  expect(after).toContainEqual(common)
  expect(after).toHaveLength(64)
  expect(new Set(after.map(({ statement }) => statement)).size).toBe(64)
})

test('a discarded statement still works, on each connection', async () => {
  const { database } = open()
  const run = database.prepare('discarded', ({ given }: { given: string }) =>
    sql<{ text: string }>`select ${given}::text as text`.compile(database.kysely),
  )
  const shared = database.prepare(
    'shared',
    ({ given }: { given: string }) =>
      sql<{ text: string }>`select ${given}::text as text`.compile(database.kysely),
    { shares: 'reads' },
  )
  const count = database.prepare(
    'count',
    () =>
      sql<{ name: string }>`select name from pg_prepared_statements order by name`.compile(database.kysely),
    { shares: 'reads' },
  )
  expect(await run({ given: 'a' })).toEqual([{ text: 'a' }])
  expect(await shared({ given: 'a' })).toEqual([{ text: 'a' }])
  const running = Promise.all([shared({ given: 'b' }), shared({ given: 'c' })])
  database.discard('discarded')
  database.discard('shared')
  expect(await running).toEqual([[{ text: 'b' }], [{ text: 'c' }]])
  expect(await Promise.all([run({ given: 'd' }), shared({ given: 'e' }), shared({ given: 'f' })])).toEqual([
    [{ text: 'd' }],
    [{ text: 'e' }],
    [{ text: 'f' }],
  ])
  expect(await count({})).toEqual([{ name: 'count' }])
})
