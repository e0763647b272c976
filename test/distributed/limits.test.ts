// The imitation itself: statements that Citus refuses are refused here.
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { limitAsCitus } from '../support/citus-limits.ts'
import { cloneDatabase } from '../support/database.ts'

const { url } = await cloneDatabase()
const limits = await limitAsCitus(url)
const client = new pg.Client(limits.url)
await client.connect()
afterAll(async () => {
  await client.end()
  await limits.close()
})

test.each([
  'select id from interactions limit 1 for update skip locked',
  'select count(*) from interactions group by grouping sets ((type), ())',
  'select id from unnest(array[1]) as asked (n) cross join lateral (select id from interactions limit asked.n) as found',
])('refuses %s', async (statement) => {
  await expect(client.query(statement)).rejects.toMatchObject({ code: '0A000' })
  expect(limits.refused.pop()).toBe(statement)
  await expect(client.query({ name: 'prepared', text: statement })).rejects.toMatchObject({ code: '0A000' })
  expect(limits.refused.pop()).toBe(statement)
})

test('allows locks of rows of a table that is on one machine', async () => {
  const statement = 'select key from idempotency_keys for update skip locked'
  await expect(client.query(statement)).resolves.toMatchObject({ rows: [] })
  expect(limits.refused).toEqual([])
})

test('reports a duplicate id as XX000, and other duplicates as PostgreSQL does', async () => {
  const insert = `insert into interactions (id, organization_id, created_by, data) values ('one', 'acme', 'agent', '{}')`
  await client.query(insert)
  await expect(client.query(insert)).rejects.toMatchObject({ code: 'XX000' })
  const insertKey = `insert into idempotency_keys (key, fingerprint, interaction_id) values ('k', 'f', 'i')`
  await client.query(insertKey)
  await expect(client.query(insertKey)).rejects.toMatchObject({ code: '23505' })
})
