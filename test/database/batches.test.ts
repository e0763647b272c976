// Items of a batch get the same results as with a statement each.
import { randomBytes, randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as turnEnd } from 'node:timers/promises'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, onTestFinished, test, vi } from 'vitest'
import { batch, batchSizes } from '../../src/database/batches/batches.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import type { NewInteraction } from '../../src/interactions/sql/insert.ts'
import { type Criteria, toShape, toValues } from '../../src/interactions/sql/matching.ts'
import type { Pageable } from '../../src/interactions/sql/order.ts'
import { composeSearches, toSearchLists } from '../../src/interactions/sql/search-statement.ts'
import { amount } from '../support/amount.ts'
import { cloneDatabase } from '../support/database.ts'
import { always } from '../support/make.ts'
import { criteriaOf } from '../support/search.ts'

const { database } = await cloneDatabase()
const repository = interactionRepository(database, { keepsTotals: true })

function anInteraction(more: Partial<NewInteraction> = {}): NewInteraction {
  return {
    id: randomUUID(),
    organizationId: 'acme',
    createdBy: 'agent-1',
    type: undefined,
    data: '{}',
    ...more,
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

const outcomes = (interactions: readonly NewInteraction[]) =>
  Promise.all(interactions.map((one) => repository.create(one).catch(() => 'failed')))

test('in a batch with a repeated id and an existing one, each is created once and the first wins', async () => {
  const [existing, twice, other] = [anInteraction(), anInteraction({ data: '{"n":1}' }), anInteraction()]
  await repository.create(existing)
  const again = { ...twice, data: '{"n":2}' }
  expect(await outcomes([twice, existing, other, again])).toEqual([
    'created',
    'duplicate',
    'created',
    'duplicate',
  ])
  expect((await repository.find(twice.id))?.data).toBe('{"n":1}')
})

test('many duplicates take no space: the statement that assumes free ids runs once a second at most', async () => {
  const taken = anInteraction({ data: `{"text":"${randomBytes(750).toString('hex')}"}` })
  await repository.create(taken)
  const pages = async () =>
    (
      await sql<{ n: number }>`select pg_relation_size('interactions')::int / 8192 as n`.execute(
        database.kysely,
      )
    ).rows[0]?.n ?? 0
  const [before, began] = [await pages(), performance.now()]
  for (let sent = 0; sent < 300; sent++) expect(await repository.create(taken)).toBe('duplicate')
  const seconds = Math.ceil((performance.now() - began) / 1000)
  // four rows of that size fill a page, and a failed insert leaves a dead row
  expect((await pages()) - before).toBeLessThanOrEqual(1 + seconds)
})

test('an invalid item in a batch does not fail the others', async () => {
  const bad = anInteraction({ data: '{"text":"\\u0000"}' })
  const good = Array.from({ length: 20 }, (_, n) => anInteraction({ data: `{"n":${n}}` }))
  const results = await outcomes([...good.slice(0, 10), bad, ...good.slice(10)])
  expect(results.filter((outcome) => outcome === 'created')).toHaveLength(20)
  expect(results[10]).toBe('failed')
  expect(await repository.find(bad.id)).toBeUndefined()
  for (const { id, data } of good) expect((await repository.find(id))?.data).toBe(data)
})

test('updates in a batch have their own outcomes, and those of one interaction their own versions', async () => {
  const made = Array.from({ length: 10 }, () => anInteraction())
  await outcomes(made)
  const [one, other, otherOrganization, stale, bad] = made.map(({ id }) => id)
  const update = (id = 'missing', more: object = {}) =>
    repository
      .update({ id, organizationId: 'acme', type: 'chat', data: undefined, version: undefined, ...more })
      .catch(() => 'failed')
  const results = await Promise.all([
    update(one, { version: 0n }),
    update(one, { version: 1n }),
    update(one, { version: 0n }),
    update(other, { data: '{ "n" : 1.0 }' }),
    update(otherOrganization, { organizationId: 'globex' }),
    update(stale, { version: 9_223_372_036_854_775_807n }),
    update(bad, { data: '{"text":"\\u0000"}' }),
    update(),
    update(made[9]?.id, { type: undefined, version: 0n }),
  ])
  expect(results).toEqual([
    'updated',
    'updated',
    'stale',
    'updated',
    'other organization',
    'stale',
    'failed',
    'missing',
    'updated',
  ])
  const found = await Promise.all(made.map(({ id }) => repository.find(id)))
  expect(found.map((row) => Number(row?.version))).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  expect(found[1]?.data).toBe('{ "n" : 1.0 }')
})

test('a batch of rows of one megabyte each is stored completely', async () => {
  const large = Array.from({ length: 30 }, (_, n) =>
    anInteraction({ data: `{"${n}":"${'x'.repeat(1_000_000)}"}` }),
  )
  expect(await outcomes(large)).toEqual(large.map(() => 'created'))
  const found = await Promise.all(large.map(({ id }) => repository.find(id)))
  expect(found.map((row) => row?.data === large.find(({ id }) => id === row?.id)?.data)).not.toContain(false)
})

test('batches with the same ids in different orders do not deadlock', async () => {
  const ids = Array.from({ length: 50 }, () => randomUUID())
  const other = interactionRepository(database, { keepsTotals: true })
  const rounds = [repository, other, repository, other].map((one, turn) => {
    const order = turn % 2 === 0 ? ids : ids.toReversed()
    return Promise.all(order.map((id) => one.create(anInteraction({ id }))))
  })
  const results = (await Promise.all(rounds)).flat()
  expect(results.filter((outcome) => outcome === 'created')).toHaveLength(50)
  expect(results).toHaveLength(200)
})

test('concurrent calls get the same results as sequential ones', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 120 }), async (numbers) => {
      await sql`truncate interactions`.execute(database.kysely)
      const made = numbers.map((n) =>
        anInteraction({ id: `id-${n}`, organizationId: `org-${n % 3}`, data: `{ "n" :${n}.0}` }),
      )
      const ids = made.map(({ id }) => id)
      const expected = ids.map((id, index) => (ids.indexOf(id) < index ? 'duplicate' : 'created'))
      expect((await outcomes(made)).sort()).toEqual(expected.sort())
      const requested = [...ids, 'missing']
      const together = await Promise.all(requested.map((id) => repository.find(id)))
      for (const [index, id] of requested.entries()) {
        const [alone] = await repository.findAll([id])
        expect(together[index]).toEqual(alone)
        expect(together[index]?.id).toBe(id === 'missing' ? undefined : id)
      }
    }),
    { numRuns: amount(20) },
  )
})

const newest: Pageable = { page: 0, size: 20, sort: [] }

function everythingOf(organizationId: string): Criteria {
  return criteriaOf({ ...always, organizationId })
}

const searchIn = (organizationId: string) => repository.search(everythingOf(organizationId), newest).run()

test('concurrent searches each get their own page', async () => {
  await outcomes(numbers(40).map((n) => anInteraction({ id: `of-${n}`, organizationId: `search-${n % 7}` })))
  const organizations = numbers(40).map((n) => `search-${n % 8}`)
  await searchIn('search-0')
  const together = await Promise.all(organizations.map(searchIn))
  for (const [index, organizationId] of organizations.entries()) {
    const alone = await searchIn(organizationId)
    expect(together[index]).toEqual(alone)
    expect(alone.found).toBe(numbers(40).filter((n) => `search-${n % 7}` === organizationId).length)
  }
})

test('a batch of searches loads no more data than one search, and each gets a complete page', async () => {
  const large = `{"text":"${'x'.repeat(40_000)}"}`
  await outcomes(numbers(20).map(() => anInteraction({ organizationId: 'large', data: large })))
  const alone = await searchIn('large')
  expect(JSON.parse(`[${alone.content}]`)).toHaveLength(20)
  await searchIn('acme')
  for (const one of await Promise.all(numbers(16).map(() => searchIn('large')))) expect(one).toEqual(alone)
  const values = toValues(everythingOf('large'), newest)
  const shape = toShape(everythingOf('large'), newest, values, true)
  const loadedBy = async (count: number) => {
    const lists = toSearchLists(numbers(count).map(() => values))
    const { rows } = await database.kysely.executeQuery(composeSearches(database.kysely, shape, lists))
    return rows.reduce((sum, { text }) => sum + (text?.length ?? 0), 0)
  }
  expect(await loadedBy(5)).toBeGreaterThan(4_000_000)
  expect(await loadedBy(6)).toBe(0)
})

test('searches are batched only after a short one, so that none waits for the counting of others', async () => {
  const sizes: number[] = []
  const note = (size: unknown) => void sizes.push(Number(size))
  subscribe(batchSizes, note)
  onTestFinished(() => void unsubscribe(batchSizes, note))
  const five = () => Promise.all(numbers(5).map(() => searchIn('acme')))
  let slow: Promise<unknown> | undefined
  await database.kysely.transaction().execute(async (transaction) => {
    await sql`lock table interactions in access exclusive mode`.execute(transaction)
    slow = searchIn('acme')
    const waiting = sql<{ most: number | null }>`
      select extract(epoch from max(clock_timestamp() - query_start))::float as most from pg_stat_activity
      where wait_event_type = 'Lock' and datname = current_database()`
    for (let most = 0; most < 0.1; ) most = (await waiting.execute(database.kysely)).rows[0]?.most ?? 0
  })
  await slow
  sizes.length = 0
  await five()
  expect(sizes).toEqual([])
  // connections that are new take longer
  while (sizes.length === 0) await five()
  expect(sizes).toEqual([5])
})

test('a batch starts when another has ended, and never exceeds its size', async () => {
  const sizes: number[] = []
  let underWay = 0
  const double = batch(
    async (items: readonly number[]) => {
      sizes.push(items.length)
      underWay++
      expect(underWay).toBeLessThanOrEqual(2)
      await database.ping()
      underWay--
      return items.map((item) => item * 2)
    },
    { concurrency: 2, maxSize: 10, startTimeoutMs: 5000 },
  )
  const items = Array.from({ length: 95 }, (_, item) => item)
  expect(await Promise.all(items.map((item) => double(item, 'acme')))).toEqual(items.map((item) => item * 2))
  expect(Math.max(...sizes)).toBe(10)
  expect(sizes).toHaveLength(10)
})

/** Runs batches until they are released. The clock stands still. */
function startHeldBatches() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const sizes: number[] = []
  const held: (() => void)[] = []
  const run = batch(
    async (items: readonly number[]) => {
      sizes.push(items.length)
      await new Promise<void>((resolve) => held.push(resolve))
      return items
    },
    { concurrency: 4, maxSize: 100, startTimeoutMs: 5000 },
  )
  const add = async (count: number) => {
    for (const item of numbers(count)) void run(item, 'acme')
    await turnEnd()
  }
  const releaseFirst = async () => {
    held.shift()?.()
    await turnEnd()
  }
  return { sizes, add, releaseFirst }
}

test('while others run, a batch grows until as many items wait as are running', async () => {
  const { sizes, add, releaseFirst } = startHeldBatches()
  await add(3)
  expect(sizes).toEqual([3])
  await add(2)
  expect(sizes).toEqual([3])
  await add(1)
  expect(sizes).toEqual([3, 3])
  await add(3)
  expect(sizes).toEqual([3, 3])
  await releaseFirst()
  expect(sizes).toEqual([3, 3, 3])
})

test('a full batch starts immediately', async () => {
  const { sizes, add } = startHeldBatches()
  await add(250)
  expect(sizes).toEqual([100, 100])
  await add(50)
  expect(sizes).toEqual([100, 100, 100])
})

test('a slow batch does not delay others', async () => {
  const { sizes, add } = startHeldBatches()
  await add(50)
  await add(1)
  expect(sizes).toEqual([50])
  vi.advanceTimersByTime(10)
  await turnEnd()
  expect(sizes).toEqual([50, 1])
})
