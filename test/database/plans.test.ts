// Each statement is answered by the index that was made for it, and the count is left out where the page tells it.
import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import type { Tables } from '../../src/database/tables.ts'
import { type Criteria, readCriteria } from '../../src/interactions/criteria.ts'
import type { Pageable } from '../../src/interactions/page.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { searchInteractions } from '../../src/interactions/search.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

const { url, database } = await cloneDatabase()

// Half of 20,000 rows in one organization, one row a minute. Rows count as visible to all, which an index-only scan
// needs, only when their commit was flushed.
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

const captured: CompiledQuery[] = []
const pool = new pg.Pool({ connectionString: url, max: 1 }).on('error', () => {})
const capturing = new Kysely<Tables>({
  dialect: new PostgresDialect({ pool }),
  log: (event) => void captured.push(event.query),
})
afterAll(() => capturing.destroy())

const days = { start: '2025-01-02T00:00:00Z', end: '2025-01-12T00:00:00Z' }
const newest: Pageable = { page: 0, size: 20, sort: [] }
const second: Pageable = { ...newest, page: 1 }

describe('in one organization, page and count read the covering index alone', () => {
  const covered = [
    { filters: {} },
    { filters: { type: 'audio,video' } },
    { filters: { recording: 'media' } },
    { filters: { onHoldDurationGt: '100' } },
    { filters: { onHoldDurationLt: '100', userId: 'agent-4' } },
    { filters: { type: 'audio', recording: 'media', onHoldDurationGt: '50', userId: 'agent-10' } },
  ]

  test.each(covered)('with $filters', async ({ filters }) => {
    const [page, count] = await explainSearch({ ...filters, organizationId: 'org-0' }, { ...newest, size: 1 })
    for (const plan of [page, count])
      expect(plan?.scans).toContain('Index Only Scan: interactions_organization_created_idx')
    expect(count?.scans).toHaveLength(1)
    expect(page?.scans).toHaveLength(2)
    expect(page?.scans).toContain('Index Scan: interactions_pkey')
  })

  test('with tags, beside the small index of those that are too long for it', async () => {
    const filters = {
      organizationId: 'org-0',
      tags: 't-4,long-tag-7',
      type: 'audio',
      recording: 'no_cobrowse',
    }
    const plans = await explainSearch(filters, { ...newest, size: 1 })
    for (const plan of plans) {
      expect(plan.scans).toContain('Index Only Scan: interactions_organization_created_idx')
      expect(plan.scans).toContain('Index Scan: interactions_long_tags_idx')
    }
    expect(plans).toHaveLength(2)
  })

  test('newest first needs no sort over the matches', async () => {
    for (const pageable of [newest, second, orderedBy('createdAt', 'desc')]) {
      const [page] = await explainSearch({ organizationId: 'org-0' }, pageable)
      expect(page?.sorted).toBeLessThanOrEqual(40)
    }
  })

  test('oldest first walks the same index backwards', async () => {
    const [page] = await explainSearch({ organizationId: 'org-0' }, orderedBy('createdAt', 'asc'))
    expect(page?.scans).toContain('Index Only Scan: interactions_organization_created_idx')
    expect(page?.sorted).toBeLessThanOrEqual(40)
  })
})

describe('selective filters have their own index', () => {
  test.each([
    ['customerId', 'c-42', 'interactions_customer_idx'],
    ['conferenceId', 'r-4242', 'interactions_conference_idx'],
  ])('%s, in one organization and across all', async (name, value, index) => {
    for (const organization of [{ organizationId: 'org-0' }, {}]) {
      const plans = await explainSearch({ ...organization, [name]: value }, { ...newest, page: 1 })
      expect(plans).toHaveLength(2)
      for (const plan of plans) expect(plan.scans.join()).toContain(`: ${index}`)
    }
  })
})

describe('across all organizations', () => {
  test('the newest are found by the index on the date', async () => {
    const [page, count] = await explainSearch({}, newest)
    expect(page?.scans).toContain('Index Only Scan: interactions_created_idx')
    expect(page?.sorted).toBeLessThanOrEqual(40)
    expect(count?.scans).toEqual(['Index Only Scan: interactions_created_idx'])
  })
})

describe('the count is run', () => {
  const few = { organizationId: 'org-0', customerId: 'c-42' }
  test.each([
    ['not for a first page that is not full', few, newest, 1],
    ['not for an empty first page', { organizationId: 'nobody' }, newest, 1],
    ['not for a last page that is not full', few, { ...newest, page: 1, size: 2 }, 1],
    ['for a full page', {}, newest, 2],
    ['for a full page that is the last', few, { ...newest, size: 3 }, 2],
    ['for an empty page beyond the first', few, second, 2],
  ])('%s', async (_, filters, pageable, statements) => {
    expect(await search(filters, pageable)).toHaveLength(statements)
  })
})

describe('by id', () => {
  test('a read and an update use the primary key alone', async () => {
    const single = openDatabase({ ...testDatabaseSettings, url, poolSize: 1 }, () => {})
    const repository = interactionRepository(single)
    await repository.find('id-7')
    const update = { organizationId: 'org-0', type: 'chat', data: '{}', version: undefined }
    expect(await repository.update({ id: 'id-8', ...update })).toBe('updated')
    const { rows } = await sql<{ name: string; parameters: number }>`
      select name, cardinality(parameter_types) as parameters from pg_prepared_statements`.execute(
      single.kysely,
    )
    const prepared = rows.filter(({ name }) => /^(find|update)_interaction$/.test(name))
    expect(prepared).toHaveLength(2)
    for (const { name, parameters } of prepared) {
      const given = ["'id-8'", ...Array.from({ length: parameters - 1 }, () => 'null')]
      const plan = await explain(CompiledQuery.raw(`execute ${name} (${given})`), single.kysely)
      expect(new Set(plan.scans)).toEqual(new Set(['Index Scan: interactions_pkey']))
    }
    await single.close()
  })
})

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Plan Rows': number
  Plans?: PlanNode[]
}

function orderedBy(property: 'createdAt', direction: 'asc' | 'desc'): Pageable {
  return { ...newest, sort: [{ property, direction, ignoreCase: false }] }
}

/** Searches, and gives the statements that this took. */
async function search(filters: Record<string, string>, pageable: Pageable): Promise<CompiledQuery[]> {
  const values: Record<string, string> = { ...days, ...filters }
  const faults = {}
  const criteria: Criteria = readCriteria((name) => [values[name] ?? []].flat(), faults)
  expect(faults).toEqual({})
  await searchInteractions(capturing, criteria, pageable)
  return captured.splice(0)
}

async function explainSearch(filters: Record<string, string>, pageable: Pageable) {
  return Promise.all(
    (await search(filters, pageable)).map((statement) => explain(statement, database.kysely)),
  )
}

/** What a plan reads, and how many rows at most one of its sorts takes. No plan may read the whole table. */
async function explain({ sql: text, parameters }: CompiledQuery, kysely: Kysely<Tables>) {
  const { rows } = await kysely.executeQuery<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    CompiledQuery.raw(`explain (format json) ${text}`, [...parameters]),
  )
  const nodes = rows.flatMap((row) => row['QUERY PLAN']).flatMap(({ Plan }) => flatten(Plan))
  const names = nodes.map((node) => node['Node Type'])
  expect(names).not.toContain('Seq Scan')
  const scans = nodes.filter((node) => node['Node Type'].includes('Scan') && node['Index Name'] !== undefined)
  const sorts = nodes.filter((node) => node['Node Type'] === 'Sort')
  return {
    scans: scans.map((node) => `${node['Node Type']}: ${node['Index Name']}`),
    sorted: Math.max(0, ...sorts.map((node) => node['Plan Rows'])),
  }
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)]
}
