// Each statement uses the index made for it, and skips the count where the page already gives the total.
import { CompiledQuery, type Kysely, sql } from 'kysely'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Database, openDatabase } from '../../src/database/database.ts'
import type { Tables } from '../../src/database/tables.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { type Criteria, toShape, toValues } from '../../src/interactions/sql/matching.ts'
import type { Pageable } from '../../src/interactions/sql/order.ts'
import { composeSearch, composeSearches, toSearchLists } from '../../src/interactions/sql/search-statement.ts'
import type { UpdateOutcome } from '../../src/interactions/sql/update.ts'
import { cloneDatabase } from '../support/database.ts'
import { totalsKeeper } from '../support/keep-totals.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { criteriaOf as decodeCriteria } from '../support/search.ts'

const { url, database } = await cloneDatabase()
const empty = await cloneDatabase()

// 20,000 rows, one per minute, half of them in one organization. An index-only scan needs rows that are visible to all
// transactions, and rows are not until their commit is flushed.
const loading = sql`
  insert into interactions (id, organization_id, created_by, created_at, type, data)
  select 'id-' || n, 'org-' || case when n % 2 = 0 then 0 else n % 19 + 1 end, 'agent-' || n % 50,
         timestamptz '2025-01-01T00:00:00Z' + n * interval '1 minute',
         (array['audio', 'video', 'chat', 'cobrowse', null])[n % 5 + 1],
         json_build_object(
           'customerId', 'c-' || n % 4000, 'conferenceId', 'r-' || n, 'onHoldDuration', n % 300,
           'recorderId', case when n % 3 = 0 then 'recorder' end,
           'tags', case when n % 500 = 0
             then (select json_agg('long-tag-' || t) from generate_series(1, 200) as t) else json_build_array('t-' || n % 10) end,
           'note', repeat('x', 200))
  from generate_series(1, 20000) as n`
await database.kysely.transaction().execute(async (transaction) => {
  await sql`set local synchronous_commit = on`.execute(transaction)
  await loading.execute(transaction)
})
await sql`vacuum analyze interactions`.execute(database.kysely)

const covering = 'Index Only Scan: interactions_organization_created_idx'
/** The scans of a search by date: the index alone for the count, and the index with the table for the page. */
const byDate = (index: string) => [`Index Only Scan: ${index}`, `Index Scan: ${index}`]
const inOrganization = byDate('interactions_organization_created_idx')

const single = openDatabase({ ...testDatabaseSettings, url, poolSize: 1 }, () => {})
afterAll(() => single.close())

const days = { start: '2025-01-02T00:00:00Z', end: '2025-01-12T00:00:00Z' }
const counting = { keepsTotals: false }
const newest: Pageable = { page: 0, size: 20, sort: [] }
const second: Pageable = { ...newest, page: 1 }

describe('by date in one organization, page and count read the index on organization and date', () => {
  // Half of all rows match: the planner would scan all organizations by date if the statement allowed it.
  test.each([
    ['newest first', newest],
    ['newest first by sort', orderedBy('createdAt', 'desc')],
    ['oldest first', orderedBy('createdAt', 'asc')],
  ])('%s', async (_, pageable) => {
    const { scans, sorted } = await explainSearch({ organizationId: 'org-0' }, pageable)
    expect(scans).toEqual(inOrganization)
    expect(sorted).toBeLessThanOrEqual(40)
  })

  test('later pages find their first row in the index alone, and continue from there', async () => {
    const { scans, sorted } = await explainSearch({ organizationId: 'org-0' }, second)
    const [skipping = ''] = inOrganization
    expect(scans).toEqual([skipping, ...inOrganization])
    expect(sorted).toBeLessThanOrEqual(40)
  })

  test('also with a generic plan', async () => {
    await sql`set plan_cache_mode = force_generic_plan`.execute(single.kysely)
    const [skipping = ''] = inOrganization
    expect((await explainPrepared({ organizationId: 'org-0' }, newest)).scans).toEqual(inOrganization)
    expect((await explainPrepared({ organizationId: 'org-0' }, second)).scans).toEqual([
      skipping,
      ...inOrganization,
    ])
  })
})

describe('by date, with kept totals', () => {
  const keeping = { keepsTotals: true }
  const found: Pageable = { page: 300, size: 20, sort: [] }
  const scopes: [string, Record<string, string>][] = [
    ['in one organization', { organizationId: 'org-0' }],
    ['across all', {}],
  ]
  const criteriaOfKept = async (filters: Record<string, string>) => {
    await totalsKeeper(database)()
    await sql`vacuum analyze interaction_day_totals`.execute(database.kysely)
    return criteriaOf({ ...filters, end: '2025-01-14T23:00:00Z' })
  }

  test.each(scopes)('a total and a deep page read few blocks, %s', async (_, filters) => {
    const criteria = await criteriaOfKept(filters)
    const statement = compileSearch(database.kysely, criteria, found, keeping)
    expect(await blocksRead(statement)).toBeLessThan(35)
    const counted = compileSearch(database.kysely, criteria, found, counting)
    expect(await blocksRead(counted)).toBeGreaterThan(100)
  })

  test.each(scopes)('each search of a batch reads as few blocks, %s', async (_, filters) => {
    const criteria = await criteriaOfKept(filters)
    const values = Array.from({ length: 8 }, (_, n) => toValues(criteria, { ...found, page: 296 + n }))
    const shape = toShape(criteria, found, toValues(criteria, found), true)
    const together = composeSearches(single.kysely, shape, toSearchLists(values))
    await sql`set plan_cache_mode = force_generic_plan`.execute(single.kysely)
    expect(await blocksRead(await prepared(together), single)).toBeLessThan(8 * 35)
  })
})

describe('with filters in one organization, page and count read only the covering index', () => {
  const covered = [
    { filters: { type: 'audio,video', userId: 'agent-4' } },
    { filters: { recording: 'media' } },
    { filters: { onHoldDurationGt: '100' } },
    { filters: { onHoldDurationLt: '100', userId: 'agent-4' } },
    { filters: { type: 'audio', recording: 'media', onHoldDurationGt: '50', userId: 'agent-10' } },
  ]

  test.each(covered)('with $filters', async ({ filters }) => {
    const { scans } = await explainSearch({ ...filters, organizationId: 'org-0' }, newest)
    expect(scans).toEqual([covering, covering, 'Index Scan: interactions_pkey'])
  })

  test('with tags, and the small index of tags that are too long for it', async () => {
    const filters = {
      organizationId: 'org-0',
      tags: 't-4,long-tag-7',
      type: 'audio',
      recording: 'no_cobrowse',
    }
    const { scans } = await explainSearch(filters, newest)
    const long = 'Index Scan: interactions_long_tags_idx'
    expect(scans).toEqual([covering, covering, long, long, 'Index Scan: interactions_pkey'])
  })

  test('also with a generic plan', async () => {
    await sql`set plan_cache_mode = force_generic_plan`.execute(single.kysely)
    for (const { filters } of covered)
      expect((await explainPrepared({ ...filters, organizationId: 'org-0' }, newest)).scans).toEqual([
        covering,
        covering,
        'Index Scan: interactions_pkey',
      ])
  })
})

describe('a search for one type uses its own index', () => {
  const byType = 'Index Only Scan: interactions_type_idx'

  test.each([{}, { recording: 'media' }, { recording: 'no_cobrowse', onHoldDurationGt: '100' }])(
    'with $0',
    async (filters) => {
      const { scans } = await explainSearch({ ...filters, type: 'audio', organizationId: 'org-0' }, newest)
      expect(scans).toEqual([byType, byType, 'Index Scan: interactions_pkey'])
    },
  )

  test('also with a generic plan', async () => {
    await sql`set plan_cache_mode = force_generic_plan`.execute(single.kysely)
    const filters = { type: 'audio', recording: 'media', organizationId: 'org-0' }
    expect((await explainPrepared(filters, newest)).scans).toEqual([
      byType,
      byType,
      'Index Scan: interactions_pkey',
    ])
  })
})

describe('selective filters use their own indexes', () => {
  test.each([
    ['customerId', 'c-42', 'interactions_customer_idx'],
    ['conferenceId', 'r-4242', 'interactions_conference_idx'],
  ])('%s, in one organization and across all', async (name, value, index) => {
    for (const organization of [{ organizationId: 'org-0' }, {}]) {
      const { scans } = await explainSearch({ ...organization, [name]: value }, newest)
      expect(scans.filter((scan) => scan.endsWith(`: ${index}`))).toHaveLength(2)
    }
  })
})

describe('across all organizations', () => {
  test('the newest are found by the date index', async () => {
    const { scans, sorted } = await explainSearch({}, newest)
    expect(scans).toEqual(byDate('interactions_date_idx'))
    expect(sorted).toBeLessThanOrEqual(40)
  })
})

describe('the count runs', () => {
  const few = { organizationId: 'org-0', customerId: 'c-42' }
  test.each([
    ['not for a first page that is not full', few, newest, false],
    ['not for an empty first page', { organizationId: 'nobody' }, newest, false],
    ['not for a last page that is not full', few, { ...newest, page: 1, size: 2 }, false],
    ['for a full page', {}, newest, true],
    ['for a full page that is the last', few, { ...newest, size: 3 }, true],
    ['for an empty page beyond the first', few, second, true],
  ])('%s', async (_, filters, pageable, counted) => {
    const { neverRun } = await explainSearch(filters, pageable, 'analyze, ')
    // the count is the last scan of the matches
    expect(neverRun.some((scan) => !scan.endsWith('pkey'))).toBe(!counted)
  })
})

describe('reads and updates by id use only the primary key', () => {
  const byId = async ({ kysely, prepare }: Database, outcome: UpdateOutcome, scan: RegExp) => {
    // on the only connection of the pool instead of a shared one
    const prepareInPool: Database['prepare'] = (name, compose) => prepare(name, compose)
    const repository = interactionRepository(
      { ...single, kysely, prepare: prepareInPool },
      { keepsTotals: true },
    )
    await repository.find('id-7')
    await Promise.all([repository.find('id-7', 'org-0'), repository.find('id-8', 'org-1')])
    const update = { organizationId: 'org-0', type: 'chat', data: '{}', version: undefined }
    expect(await repository.update({ id: 'id-8', ...update })).toBe(outcome)
    const { rows } = await sql<{ name: string }>`select name from pg_prepared_statements`.execute(kysely)
    const prepared = rows.filter(({ name }) => /^(find|update)_interactions(_of_several)?$/.test(name))
    const given = {
      find_interactions: "'org-0', array['id-7', 'id-8']",
      find_interactions_of_several: "array['org-0', null], array['id-7', 'id-8']",
      update_interactions: "array['id-8'], array['org-0'], array['chat'], '{}', array[null]::bigint[]",
    }
    expect(prepared.map(({ name }) => name).toSorted()).toEqual(Object.keys(given))
    for (const [name, values] of Object.entries(given)) {
      const plan = await explain(CompiledQuery.raw(`execute ${name} (${values})`), kysely)
      expect(plan.scans.length).toBeGreaterThan(0)
      for (const read of plan.scans) expect(read).toMatch(scan)
    }
  }

  test.each(['auto', 'force_generic_plan'])('with plan_cache_mode = %s', async (mode) => {
    await sql`select set_config('plan_cache_mode', ${mode}, false)`.execute(single.kysely)
    await byId(single, 'updated', /^Index Scan: interactions_pkey$/)
  })

  // a generic plan is kept while the table grows
  test('also when the plan is made while the table is empty', async () => {
    const first = openDatabase({ ...testDatabaseSettings, url: empty.url, poolSize: 1 }, () => {})
    onTestFinished(() => first.close())
    await sql`set plan_cache_mode = force_generic_plan`.execute(first.kysely)
    await byId(first, 'missing', /^(Bitmap )?Index Scan: interactions_pkey$/)
  })
})

/** Returns the number of table and index blocks that a statement reads. */
async function blocksRead(statement: CompiledQuery, { kysely } = database): Promise<number> {
  const plans = await plansOf(statement, kysely, 'analyze, buffers, ')
  return plans.reduce((sum, plan) => sum + plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], 0)
}

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Plan Rows': number
  'Actual Loops'?: number
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
  Plans?: PlanNode[]
}

function orderedBy(property: 'createdAt', direction: 'asc' | 'desc'): Pageable {
  return { ...newest, sort: [{ property, direction, ignoreCase: false }] }
}

function criteriaOf(filters: Record<string, string>): Criteria {
  return decodeCriteria({ ...days, ...filters })
}

/** Compiles the statement of one search as the repository composes it. */
function compileSearch(
  kysely: Kysely<Tables>,
  criteria: Criteria,
  pageable: Pageable,
  { keepsTotals }: { readonly keepsTotals: boolean },
) {
  const values = toValues(criteria, pageable)
  return composeSearch(kysely, toShape(criteria, pageable, values, keepsTotals), values)
}

function explainSearch(filters: Record<string, string>, pageable: Pageable, options = '') {
  return explain(
    compileSearch(database.kysely, criteriaOf(filters), pageable, counting),
    database.kysely,
    options,
  )
}

/** Explains a search as a prepared statement. */
async function explainPrepared(filters: Record<string, string>, pageable: Pageable) {
  const statement = compileSearch(single.kysely, criteriaOf(filters), pageable, counting)
  return explain(await prepared(statement), single.kysely)
}

/** Prepares a statement, and returns the statement that executes it. */
async function prepared(statement: CompiledQuery): Promise<CompiledQuery> {
  await sql`deallocate all`.execute(single.kysely)
  await single.kysely.executeQuery(CompiledQuery.raw(`prepare searched as ${statement.sql}`))
  const given = statement.parameters.map((value) => sql.lit(Array.isArray(value) ? `{${value}}` : value))
  return sql`execute searched (${sql.join(given)})`.compile(single.kysely)
}

/**
 * Returns the index scans of a plan, those that never run, and the estimated rows of its largest sort. Fails if the plan
 * reads a whole table.
 */
async function explain(statement: CompiledQuery, kysely: Kysely<Tables>, options = '') {
  const nodes = (await plansOf(statement, kysely, options)).flatMap(flatten)
  const names = nodes.map((node) => node['Node Type'])
  expect(names).not.toContain('Seq Scan')
  const scans = nodes.filter((node) => node['Node Type'].includes('Scan') && node['Index Name'] !== undefined)
  const sorts = nodes.filter((node) => node['Node Type'] === 'Sort')
  const name = (node: PlanNode) => `${node['Node Type']}: ${node['Index Name']}`
  return {
    scans: scans.map(name).sort(),
    neverRun: scans.filter((node) => node['Actual Loops'] === 0).map(name),
    sorted: Math.max(0, ...sorts.map((node) => node['Plan Rows'])),
  }
}

async function plansOf({ sql: text, parameters }: CompiledQuery, kysely: Kysely<Tables>, options: string) {
  const { rows } = await kysely.executeQuery<{ 'QUERY PLAN': string }>(
    CompiledQuery.raw(`explain (${options}format json) ${text}`, [...parameters]),
  )
  const explained = rows.flatMap((row): { Plan: PlanNode }[] => JSON.parse(row['QUERY PLAN']))
  return explained.map(({ Plan }) => Plan)
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)]
}
