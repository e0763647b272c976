// Purges and erasures remove exactly the matching interactions during live traffic, and totals stay exact.
import { sql } from 'kysely'
import pg from 'pg'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { countRemovable, type Removal, removeInBatches } from '../../src/interactions/sql/remove.ts'
import { findDifferences } from '../../src/totals/verify.ts'
import { cloneDatabase } from '../support/database.ts'
import { totalsKeeper } from '../support/keep-totals.ts'
import { always, countInteractions, type StoredInteraction, storeInteractions } from '../support/make.ts'
import { criteriaOf } from '../support/search.ts'

const { url, database } = await cloneDatabase()
const { kysely } = database
const hour = 3_600_000
const everything = criteriaOf(always)
const noSignal = new AbortController().signal

beforeEach(async () => {
  await sql`truncate interactions`.execute(kysely)
})

let stored = 0
const interaction = (given: Partial<StoredInteraction>): StoredInteraction => ({
  id: `id-${stored++}`,
  organizationId: 'acme',
  createdBy: 'agent-1',
  createdAt: Date.parse('2024-05-01T00:00:00Z'),
  type: null,
  data: '{}',
  version: 0,
  ...given,
})

async function remove(removal: Removal): Promise<number> {
  const total = await countRemovable(database, removal)
  let removed = 0
  for await (const some of removeInBatches(database, removal, noSignal)) removed += some
  expect(removed).toBe(total)
  return removed
}

const remaining = async () =>
  (await kysely.selectFrom('interactions').select('id').orderBy('id').execute()).map(({ id }) => id)

test('a purge removes interactions created before a time, of one organization or of all', async () => {
  const moment = Date.parse('2024-05-01T00:00:00Z')
  const createdBefore = new Date(moment).toISOString()
  await storeInteractions(kysely, [
    interaction({ id: 'older', createdAt: moment - 1 }),
    interaction({ id: 'oldest', createdAt: 0 }),
    interaction({ id: 'of another', createdAt: moment - 1, organizationId: 'globex' }),
    interaction({ id: 'then', createdAt: moment }),
    interaction({ id: 'then, of another', createdAt: moment, organizationId: 'globex' }),
  ])
  expect(await remove({ createdBefore, organizationId: 'acme' })).toBe(2)
  expect(await remaining()).toEqual(['of another', 'then', 'then, of another'])
  expect(await remove({ createdBefore, organizationId: undefined })).toBe(1)
  expect(await remaining()).toEqual(['then', 'then, of another'])
  expect(await remove({ createdBefore, organizationId: undefined })).toBe(0)
})

test('an erasure removes all interactions of a customer and no others, for ids of any length', async () => {
  const long = 'c'.repeat(300)
  const of = (id: string, customerId: unknown, organizationId = 'acme') =>
    interaction({ id, organizationId, data: JSON.stringify({ customerId }) })
  await storeInteractions(kysely, [
    of('text', '5'),
    of('number', 5),
    of('of another', '5', 'globex'),
    of('spelt otherwise', '5.0'),
    of('inside', { customerId: '5' }),
    of('long', long),
    of('longer', `${long}c`),
    of('other end', `${long.slice(0, 299)}d`),
    interaction({ id: 'none' }),
  ])
  expect(await remove({ organizationId: 'acme', customerId: '5' })).toBe(2)
  expect(await remove({ organizationId: 'acme', customerId: long })).toBe(1)
  expect(await remaining()).toEqual([
    'inside',
    'longer',
    'none',
    'of another',
    'other end',
    'spelt otherwise',
  ])
})

test.skipIf(database.isDistributed)(
  'a row locked by another transaction is skipped, and removed after the lock is released',
  async () => {
    await storeInteractions(
      kysely,
      Array.from({ length: 250 }, (_, n) => interaction({ id: `held-${n}`, createdAt: n })),
    )
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    onTestFinished(() => holder.end())
    await holder.query("begin; update interactions set version = version + 1 where id = 'held-7'")
    let left = 250
    for await (const some of removeInBatches(
      database,
      { createdBefore: '2024-05-01', organizationId: undefined },
      noSignal,
    )) {
      left -= some
      if (left === 1) await holder.query('commit')
    }
    expect(left).toBe(0)
    expect(await countInteractions(kysely)).toBe(0)
  },
)

test('a signal ends a removal after the current batch, and another run continues it', async () => {
  await storeInteractions(
    kysely,
    Array.from({ length: 1000 }, (_, n) => interaction({ createdAt: n })),
  )
  const removal = { createdBefore: '2024-05-01', organizationId: undefined }
  const interruption = new AbortController()
  let removed = 0
  for await (const some of removeInBatches(database, removal, interruption.signal)) {
    removed += some
    interruption.abort()
  }
  expect(removed).toBeGreaterThan(0)
  expect(removed).toBeLessThan(1000)
  expect(await countInteractions(kysely)).toBe(1000 - removed)
  expect(await remove(removal)).toBe(1000 - removed)
})

test.skipIf(database.isDistributed)(
  'during a purge, an erasure and writes, each search has the exact total of its snapshot',
  async () => {
    const now = Date.now()
    const organizations = ['acme', 'globex']
    await storeInteractions(
      kysely,
      Array.from({ length: 6000 }, (_, n) =>
        interaction({
          createdAt: now - n * hour,
          organizationId: organizations[n % 2] ?? '',
          data: JSON.stringify({ customerId: `c-${n % 3}` }),
        }),
      ),
    )
    const round = totalsKeeper(database)
    await round()
    const before = await countInteractions(kysely)
    const createdBefore = new Date(now - 1000 * hour).toISOString()
    let isRunning = true
    let searches = 0
    const searching = (async () => {
      for (; isRunning; searches++)
        for (const organizationId of [undefined, ...organizations])
          await kysely
            .transaction()
            .setIsolationLevel('repeatable read')
            .execute(async (transaction) => {
              const prepare: typeof database.prepare = (_name, compose) => async (values) =>
                (await transaction.executeQuery(compose(values))).rows
              const [kept, counted] = [true, false].map((keepsTotals) =>
                interactionRepository({ ...database, kysely: transaction, prepare }, { keepsTotals }),
              )
              const criteria = { ...everything, organizationId }
              const pageable = { page: 3, size: 5, sort: [] }
              const [withTotals, withoutTotals] = [kept, counted].map((one) =>
                one?.search(criteria, pageable).run(),
              )
              expect(await withTotals).toEqual(await withoutTotals)
            })
    })()
    const keeping = (async () => {
      while (isRunning) await round()
    })()
    const writing = (async () => {
      while (isRunning)
        await sql`update interactions set version = version + 1
        where id in (select id from interactions order by id limit 20)`.execute(kysely)
    })()
    const removals = [
      { createdBefore, organizationId: undefined },
      { organizationId: 'acme', customerId: 'c-0' },
    ].map(async (removal) => {
      let removed = 0
      for await (const some of removeInBatches(database, removal, noSignal)) removed += some
      return removed
    })
    const [purged = 0, erased = 0] = await Promise.all(removals)
    isRunning = false
    await Promise.all([searching, keeping, writing])
    await round()
    expect(searches).toBeGreaterThan(1)
    expect(purged).toBeGreaterThan(3000)
    expect(erased).toBeGreaterThan(100)
    expect(await countInteractions(kysely)).toBe(before - purged - erased)
    expect(await findDifferences(database)).toEqual([])
  },
)
