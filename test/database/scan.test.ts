// Scans while their statements are blocked or their connections are lost.
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'
import { always } from '../support/make.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { criteriaOf } from '../support/search.ts'

const { database, url } = await cloneDatabase()
const { scan } = interactionRepository(database, { keepsTotals: false, scanConcurrency: 2 })
const operator = new pg.Client(url)
await operator.connect()
afterAll(() => operator.end())
afterEach(() => operator.query('rollback'))
await operator.query(`
  insert into interactions (id, organization_id, created_by, data)
  select 'id-' || n, 'acme', 'agent', '{}' from generate_series(1, 400) as n`)

const everything = criteriaOf(always)

/** Blocks all statements on interactions until the rollback. */
const blockStatements = () => operator.query('begin; lock table interactions')

/** Returns the process ids of the blocked statements. */
async function blockedProcesses(): Promise<number[]> {
  // a transaction caches statistics until they are cleared
  const { rows } = await operator.query<{ pid: number }>(`
    select pid from pg_stat_clear_snapshot(), pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`)
  return rows.map(({ pid }) => pid)
}

async function readIds(batches: ReturnType<typeof scan>): Promise<string[]> {
  const ids: string[] = []
  for await (const rows of batches) ids.push(...rows.map(({ id }) => id))
  return ids
}

test('a batch is read again when its connection is lost, and each interaction is returned once', async () => {
  const batches = scan(everything, { direction: 'desc' })
  const first = await batches.next()
  await blockStatements()
  const rest = readIds(batches)
  await vi.waitUntil(async () => (await blockedProcesses()).length === 1, { timeout: 60_000 })
  await operator.query('select pg_terminate_backend(pid) from unnest($1::integer[]) as pid', [
    await blockedProcesses(),
  ])
  await operator.query('rollback')
  const firstIds = first.done === true ? [] : first.value.map(({ id }) => id)
  const ids = [...firstIds, ...(await rest)]
  expect(ids).toHaveLength(400)
  expect(new Set(ids).size).toBe(400)
})

test('concurrent scans use no more connections than the limit', async () => {
  await blockStatements()
  const scans = Array.from({ length: 6 }, () => readIds(scan(everything, { direction: 'asc' })))
  await vi.waitUntil(async () => (await blockedProcesses()).length > 0, { timeout: 60_000 })
  expect(database.poolUse()).toMatchObject({ busy: 2, waiting: 0 })
  await operator.query('rollback')
  for (const ids of await Promise.all(scans)) expect(ids).toHaveLength(400)
})

test.each(['asc', 'desc'] as const)(
  'each batch continues after the previous one without reading it again, %s',
  async (direction) => {
    const many = await cloneDatabase()
    // a connection reports its statistics at the latest when it closes
    const loading = new pg.Client(many.url)
    await loading.connect()
    await loading.query(`
    insert into interactions (id, organization_id, created_by, created_at, data)
    select 'id-' || n, 'acme', 'agent', timestamptz '2025-01-01Z' + n * interval '1 minute', '{}'
    from generate_series(1, 20000) as n`)
    await loading.query('vacuum analyze interactions')
    await loading.end()
    const indexBlocks = async () => {
      const { rows } = await sql<{ blocks: string }>`
      select sum(idx_blks_hit + idx_blks_read) as blocks from pg_statio_user_indexes
      where relname = 'interactions' and indexrelname <> 'interactions_pkey'`.execute(many.database.kysely)
      return Number(rows[0]?.blocks)
    }
    const single = openDatabase({ ...testDatabaseSettings, url: many.url, poolSize: 1 }, () => {})
    const repository = interactionRepository(single, { keepsTotals: false })
    await vi.waitUntil(async () => (await indexBlocks()) > 20_000, { timeout: 60_000 })
    const before = await indexBlocks()
    const ids = await readIds(repository.scan({ ...everything, organizationId: 'acme' }, { direction }))
    await single.close()
    await vi.waitUntil(async () => (await indexBlocks()) > before, { timeout: 60_000 })
    expect(ids).toHaveLength(20_000)
    expect((await indexBlocks()) - before).toBeLessThan(1000)
  },
)

test('each combination of filters uses its own statement', async () => {
  const optional = {
    organizationId: 'acme',
    type: ['chat'],
    userId: 'agent',
    customerId: 'c-1',
    conferenceId: 'room-1',
    tags: ['vip'],
  }
  const names = Object.keys(optional)
  for (let chosen = 0; chosen < 2 ** names.length; chosen++) {
    const given = Object.entries(optional).filter((_, bit) => (chosen >> bit) % 2 === 1)
    const expected = given.every(([name]) => name === 'organizationId' || name === 'userId') ? 400 : 0
    const criteria = { ...everything, ...Object.fromEntries(given) }
    const ids = await readIds(scan(criteria, { direction: 'asc' }))
    expect([chosen, ids.length]).toEqual([chosen, expected])
  }
})
