// Totals equal the number of interactions and locate the rows of any page, after any writes to the table.
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import type { Criteria } from '../../src/interactions/sql/matching.ts'
import type { Order, Pageable } from '../../src/interactions/sql/order.ts'
import { findDifferences } from '../../src/totals/verify.ts'
import { amount } from '../support/amount.ts'
import { cloneDatabase } from '../support/database.ts'
import { totalsKeeper } from '../support/keep-totals.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

const { url, database } = await cloneDatabase()
const { kysely } = database
// The repository without totals prepares other statements under the same names, and needs its own connections.
const plain = openDatabase({ ...testDatabaseSettings, url }, () => {})
afterAll(() => plain.close())
const keeping = interactionRepository(database, { keepsTotals: true })
const counting = interactionRepository(plain, { keepsTotals: false })

beforeEach(async () => {
  await sql`truncate interactions`.execute(kysely)
  await sql`update interaction_day_totals_state set sealed_until = '-infinity', seal = seal + 1`.execute(
    kysely,
  )
})

const hour = 3_600_000
const origin = Date.parse('2024-02-27T20:00:00Z')
const organizations = ['acme', 'globex', 'initech'] as const

/** Milliseconds since the origin, often at or next to the beginning of an hour. */
const offset = fc.oneof(
  fc.tuple(fc.nat({ max: 24 * 40 }), fc.constantFrom(-1, 0, 1)).map(([hours, aside]) => hours * hour + aside),
  fc.nat({ max: 24 * 40 * hour }),
)
const moment = fc.oneof(
  { weight: 8, arbitrary: offset.map((milliseconds) => new Date(origin + milliseconds).toISOString()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('-infinity', 'infinity', '0001-01-01T00:00:00Z', '2099-06-01T00:30:00Z'),
  },
  { weight: 1, arbitrary: fc.constant(new Date(Date.now()).toISOString()) },
)
const created = fc.oneof(
  { weight: 20, arbitrary: moment },
  {
    weight: 1,
    arbitrary: fc.constantFrom('1970-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '0044-03-15 12:00+00 BC'),
  },
)
const organization = fc.constantFrom(...organizations)
const orders: readonly (readonly Order[])[] = [
  [],
  [{ property: 'createdAt', direction: 'asc', ignoreCase: false }],
  [{ property: 'createdAt', direction: 'desc', ignoreCase: false }],
  [{ property: 'id', direction: 'asc', ignoreCase: false }],
  [
    { property: 'type', direction: 'asc', ignoreCase: false },
    { property: 'createdAt', direction: 'desc', ignoreCase: false },
  ],
]
const searchInput = fc.record({
  range: fc.tuple(moment, moment),
  organizationId: fc.option(organization, { nil: undefined }),
  page: fc.oneof(fc.nat({ max: 4 }), fc.nat({ max: 400 })),
  size: fc.integer({ min: 1, max: 12 }),
  sort: fc.constantFrom(...orders),
})
type Search = typeof searchInput extends fc.Arbitrary<infer T> ? T : never

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      rows: fc.array(fc.tuple(organization, created), { minLength: 1, maxLength: 120 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), before: moment, organization }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), to: created, organization }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('create' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('round' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

let numbered = 0
const nextId = () => `id-${numbered++}`

async function applyStep(one: Step, round: () => Promise<void>): Promise<void> {
  switch (one.kind) {
    case 'insert':
      return await insert(one.rows)
    case 'delete':
      await sql`
        delete from interactions
        where organization_id = ${one.organization} and created_at < ${one.before}::timestamptz`.execute(
        kysely,
      )
      return
    case 'move':
      await sql`
        update interactions set created_at = ${one.to}::timestamptz, organization_id = ${one.organization}
        where id in (select id from interactions order by id limit 7)`.execute(kysely)
      return
    case 'create':
      await keeping.create({
        id: nextId(),
        organizationId: 'acme',
        createdBy: 'u',
        type: undefined,
        data: '{}',
      })
      return
    case 'round':
      return await round()
  }
}

async function insert(rows: readonly (readonly [string, string])[]): Promise<void> {
  const values = rows.map(
    ([organizationId, at], index) =>
      sql`(${nextId()}, ${organizationId}, 'u', ${at}::timestamptz, ${['a', 'b', null][index % 3]}, '{}'::json)`,
  )
  await sql`
    insert into interactions (id, organization_id, created_by, created_at, type, data)
    values ${sql.join(values)}`.execute(kysely)
}

function toParameters({ range, organizationId, page, size, sort }: Search): [Criteria, Pageable] {
  const [start = 0, end = 0] = range.map(millisecondsOf).toSorted((a, b) => a - b)
  const criteria = {
    start: { milliseconds: start, nanoseconds: 0 },
    end: { milliseconds: end, nanoseconds: 0 },
    organizationId,
  }
  return [criteria, { page, size, sort }]
}

const millisecondsOf = (text: string) =>
  text === 'infinity' ? Number.MAX_VALUE : text === '-infinity' ? -Number.MAX_VALUE : Date.parse(text)

async function expectSameResult(one: Search): Promise<void> {
  const parameters = toParameters(one)
  expect(await keeping.search(...parameters).run()).toEqual(await counting.search(...parameters).run())
}

const everything = (organizationId?: (typeof organizations)[number]): Search => ({
  range: ['-infinity', 'infinity'],
  organizationId,
  page: 3,
  size: 5,
  sort: [],
})

async function countedUntil(): Promise<string | undefined> {
  const state = await kysely
    .selectFrom('interaction_day_totals_state')
    .select('counted_until')
    .executeTakeFirst()
  return state?.counted_until
}

test('after any inserts, deletes and moves, totals and pages equal those of a plain count', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 12 }),
      fc.array(searchInput, { minLength: 10, maxLength: 30 }),
      async (steps, inputs) => {
        await sql`truncate interactions`.execute(kysely)
        const round = totalsKeeper(database)
        for (const one of steps) {
          await applyStep(one, round)
          await expectSameResult(everything(one.kind === 'round' ? undefined : 'acme'))
        }
        await Promise.all(inputs.map(expectSameResult))
        expect(await findDifferences(database)).toEqual([])
      },
    ),
    { numRuns: amount(60) },
  )
}, 120_000)

describe('an hour', () => {
  const yesterday = new Date(Date.now() - 24 * hour).toISOString()
  const total = async () => (await keeping.search(...toParameters(everything('acme'))).run()).total

  test('is counted when it is over, and searches read its total', async () => {
    const longAgo = new Date(Date.now() - 40 * 24 * hour).toISOString()
    await insert([
      ['acme', longAgo],
      ['acme', longAgo],
    ])
    await totalsKeeper(database)()
    expect(await countedUntil()).not.toBe('-infinity')
    // A wrong total shows that the search reads the totals: otherwise its result equals a count.
    await sql`update interaction_day_totals set hours[24] = hours[24] + 1000 where isfinite(day)`.execute(
      kysely,
    )
    expect(await total()).toBe(1002)
    expect(await findDifferences(database)).not.toEqual([])
  })

  test('is not counted while a transaction that wrote before the watermark passed it is running', async () => {
    const round = totalsKeeper(database)
    await database.kysely.transaction().execute(async (transaction) => {
      await sql`
        insert into interactions (id, organization_id, created_by, created_at, data)
        values (${nextId()}, 'acme', 'u', ${yesterday}::timestamptz, '{}')`.execute(transaction)
      await round()
      expect(await countedUntil()).toBe('-infinity')
    })
    expect(await total()).toBe(1)
    await round()
    expect(await countedUntil()).not.toBe('-infinity')
    expect(await total()).toBe(1)
  })

  test('is counted correctly when a transaction with an older snapshot writes into it', async () => {
    const round = totalsKeeper(database)
    await database.kysely
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (transaction) => {
        await sql`select from interaction_day_totals_state`.execute(transaction)
        await round()
        expect(await countedUntil()).not.toBe('-infinity')
        await sql`
          insert into interactions (id, organization_id, created_by, created_at, data)
          values (${nextId()}, 'acme', 'u', ${yesterday}::timestamptz, '{}')`.execute(transaction)
      })
    expect(await total()).toBe(1)
    await round()
    expect(await total()).toBe(1)
    expect(await findDifferences(database)).toEqual([])
  })

  test('is counted by one server at a time, and by another when that one dies half-way', async () => {
    await insert([['acme', yesterday]])
    const round = totalsKeeper(database)
    const dying = database.kysely.transaction().execute(async (transaction) => {
      await sql`select from interaction_day_totals_state for update`.execute(transaction)
      await sql`insert into interaction_day_totals values ('acme', '2020-01-01', 5, '{5}')`.execute(
        transaction,
      )
      // Moving the watermark waits for the lock, so that the keeper's round cannot be awaited here.
      throw new Error('killed')
    })
    await expect(dying).rejects.toThrow('killed')
    await Promise.all([round(), totalsKeeper(database)(), totalsKeeper(database)()])
    await round()
    expect(await total()).toBe(1)
    expect(await findDifferences(database)).toEqual([])
  })

  test('is not counted by a server after another one has set the watermark', async () => {
    await insert([['acme', yesterday]])
    const round = totalsKeeper(database)
    await round()
    await sql`
      update interaction_day_totals_state set seal = seal + 1, counted_until = '-infinity'`.execute(kysely)
    await sql`delete from interaction_day_totals`.execute(kysely)
    await round()
    expect(await total()).toBe(1)
    expect(await findDifferences(database)).toEqual([])
  })

  test('that lies a year ahead, because the clock was wrong, is dropped', async () => {
    await insert([['acme', yesterday]])
    await sql`
      update interaction_day_totals_state
      set sealed_until = now() + interval '1 year', counted_until = now() + interval '1 year'`.execute(kysely)
    const round = totalsKeeper(database)
    await round()
    await round()
    expect(Date.parse((await countedUntil()) ?? '')).toBeLessThanOrEqual(Date.now())
    await keeping.create({
      id: nextId(),
      organizationId: 'acme',
      createdBy: 'u',
      type: undefined,
      data: '{}',
    })
    expect(await total()).toBe(2)
    expect(await findDifferences(database)).toEqual([])
  })
})

describe('without triggers on statements', () => {
  test.each([
    'interactions_noted_on_insert',
    'interactions_noted_on_delete',
    'interactions_noted_on_move',
    'interactions_noted_on_truncate',
  ])('such as %s, no totals are kept and everything is counted', async (trigger) => {
    await insert([['acme', new Date(Date.now() - 24 * hour).toISOString()]])
    await totalsKeeper(database)()
    await sql`alter table interactions disable trigger ${sql.id(trigger)}`.execute(kysely)
    try {
      await expect(totalsKeeper(database)()).rejects.toThrow('triggers')
      expect(await kysely.selectFrom('interaction_day_totals').selectAll().execute()).toEqual([])
      expect(await countedUntil()).toBe('-infinity')
    } finally {
      await sql`alter table interactions enable always trigger ${sql.id(trigger)}`.execute(kysely)
    }
    await totalsKeeper(database)()
    expect(await countedUntil()).not.toBe('-infinity')
    expect(await findDifferences(database)).toEqual([])
  })
})

test('paging through a closed range returns each interaction once, while others are created and the totals advance', async () => {
  const end = new Date(Date.now() - 2 * hour).toISOString()
  const rows = Array.from(
    { length: 500 },
    (_, n) => ['acme', new Date(Date.parse(end) - n * 700_000).toISOString()] as const,
  )
  await insert(rows)
  const round = totalsKeeper(database)
  let isPaging = true
  const creating = (async () => {
    while (isPaging) {
      const one = { createdBy: 'u', type: undefined, data: '{}' }
      await keeping.create({ id: nextId(), organizationId: 'acme', ...one })
      await insert([['globex', end]])
    }
  })()
  const rounds = (async () => {
    while (isPaging) await round()
  })()
  for (const sort of [orders[0], orders[1]]) {
    const found: string[] = []
    for (let page = 0; ; page++) {
      const next: Search = {
        range: ['2000-01-01T00:00:00Z', end],
        organizationId: 'acme',
        page,
        size: 7,
        sort: sort ?? [],
      }
      const { content, total } = await keeping.search(...toParameters(next)).run()
      expect(total).toBe(500)
      if (content === '') break
      found.push(...JSON.parse(`[${content}]`).map(({ id }: { id: string }) => id))
    }
    expect(found).toHaveLength(500)
    expect(new Set(found).size).toBe(500)
  }
  isPaging = false
  await Promise.all([creating, rounds])
  expect(await findDifferences(database)).toEqual([])
})

test('during concurrent writes, deletes and searches, each result has the total of its snapshot', async () => {
  const days = Array.from({ length: 30 }, (_, n) => new Date(Date.now() - n * 24 * hour).toISOString())
  const round = totalsKeeper(database)
  let isRunning = true
  const writers = organizations.map(async (organizationId, index) => {
    for (let n = 0; n < 40; n++) {
      await insert(days.slice(index, index + 9).map((day) => [organizationId, day]))
      if (n % 5 === 4)
        await sql`
          delete from interactions
          where organization_id = ${organizationId} and created_at < ${days[index + 4]}::timestamptz`.execute(
          kysely,
        )
    }
  })
  const rounds = (async () => {
    while (isRunning) await round()
  })()
  // Both searches read one snapshot, so that they can be compared while rows are written.
  const searches = (async () => {
    while (isRunning)
      for (const organizationId of [undefined, ...organizations])
        await kysely
          .transaction()
          .setIsolationLevel('repeatable read')
          .execute(async (transaction) => {
            const at = { ...database, kysely: transaction, prepare: preparedIn(transaction) }
            const [criteria, pageable] = toParameters(everything(organizationId))
            const [kept, counted] = [true, false].map((keepsTotals) =>
              interactionRepository(at, { keepsTotals }),
            )
            const searches = [kept, counted].map((one) => one?.search(criteria, pageable).run())
            const [withTotals, withoutTotals] = await Promise.all(searches)
            expect(withTotals).toEqual(withoutTotals)
          })
  })()
  await Promise.all(writers)
  isRunning = false
  await Promise.all([rounds, searches])
  await round()
  expect(await findDifferences(database)).toEqual([])
})

/** Returns a `prepare` whose statements run inside a transaction. */
function preparedIn(transaction: typeof kysely): typeof database.prepare {
  return (_name, compose) => async (values) => (await transaction.executeQuery(compose(values))).rows
}
