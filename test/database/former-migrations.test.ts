// A database with the nine former migrations is converted and keeps its rows, or is rejected with instructions.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { migrate } from '../../src/database/schema/migrations.ts'
import type { Tables } from '../../src/database/tables.ts'
import { emptyDatabase } from './support/empty-database.ts'
import { applyFormerMigrations } from './support/former-migrations.ts'
import { describeSchema } from './support/schema.ts'

const folder = path.join(import.meta.dirname, 'support', 'former-migrations')

/** The migrations after the four that replace the nine. */
const later = (await readdir(path.join(import.meta.dirname, '..', '..', 'migrations')))
  .sort()
  .slice(4)
  .map((file) => path.basename(file, '.sql'))

const former = {
  '0001_create_oauth_clients.sql': '2c49da613480c6e212dc6aad083df235f26a0149c3488b51c451a931d03f1d29',
  '0002_create_interactions.sql': 'd040042133cd0afb466fe343b34b50f890533367cecb5f5c3b60835255412d2f',
  '0003_index_interactions_by_date.sql': 'd5307f25134e336af57d3e807ebd7e39496141c64c438d5deb16a170ab486acb',
  '0004_keep_totals.sql': '5b8fe476f475c9c19a49c761bf2a826ae1befd12fde6ebaeb400586f4da10d3a',
  '0005_index_in_ascending_order.sql': '79e8996e5af28de16c2d41d7446e7735d52d2422d56045195acda1c2b1a91a9a',
  '0006_promote_in_one_pass.sql': '879657de93bd3951d1e498fd440b9cac68de03e2d1e1b9e188c34af8d60d2790',
  '0007_keep_totals_by_day.sql': '6c7b4c17167e5d16dcdd182ff7d2eabf90fe322430878df98ff57498f89c95fb',
  '0008_index_interactions_by_type.sql': '1853fdaa184c28b39307f7a0945d22cdf1b27007d5e382f097efc97871246be3',
  '0009_keep_idempotency_keys.sql': 'ce2096da3fcc2ac13382bef54e48f5c77cf88b4c04117051b0bb991bdade3f65',
}

test('the fixture has the nine former migrations, unchanged', async () => {
  const hash = async (file: string) =>
    createHash('sha256')
      .update(await readFile(path.join(folder, file)))
      .digest('hex')
  const files = (await readdir(folder)).sort()
  const hashes = await Promise.all(files.map(async (file) => [file, await hash(file)]))
  expect(Object.fromEntries(hashes)).toEqual(former)
})

describe('a database with all nine migrations', () => {
  test('is converted to the schema and the migrations of a new database', async () => {
    const [converted] = await emptyDatabase()
    const [fresh] = await emptyDatabase()
    await applyFormerMigrations(converted)
    await migrate(fresh)
    expect(await describeSchema(converted)).not.toEqual(await describeSchema(fresh))
    expect(await migrate(converted)).toEqual(later)
    const schema = await describeSchema(converted)
    expect(schema).toEqual(await describeSchema(fresh))
    expect(schema.filter((line) => line.startsWith('function')).length).toBe(5)
    expect(await applied(converted)).toEqual(await applied(fresh))
  })

  test('keeps its rows in every table', async () => {
    const [kysely] = await emptyDatabase()
    await applyFormerMigrations(kysely)
    await fill(kysely)
    const before = await allRows(kysely)
    expect(await migrate(kysely)).toEqual(later)
    expect(await allRows(kysely)).toEqual(before)
    expect(before.map(({ count }) => count)).toEqual([1, 1, 1, 1, 2, 1])
  })

  test('still promotes rows and records changes', async () => {
    const [kysely] = await emptyDatabase()
    await applyFormerMigrations(kysely)
    await fill(kysely)
    await migrate(kysely)
    await sql`
      insert into interactions (id, organization_id, created_by, created_at, data)
      values ('later', 'acme', 'agent', '2024-01-01', '{"customerId": "c-2"}')`.execute(kysely)
    const { rows } = await sql`
      select customer_id, (select count(*)::int from interaction_total_changes) as changes
      from interactions where id = 'later'`.execute(kysely)
    expect(rows).toEqual([{ customer_id: 'c-2', changes: 2 }])
  })

  test('is not changed by a second run', async () => {
    const [kysely] = await emptyDatabase()
    await applyFormerMigrations(kysely)
    await migrate(kysely)
    const { rows: before } = await sql`select * from schema_migrations order by name`.execute(kysely)
    expect(await migrate(kysely)).toEqual([])
    const { rows: after } = await sql`select * from schema_migrations order by name`.execute(kysely)
    expect(after).toEqual(before)
  })

  test.each([1, 2, 3])(
    'is converted once when several servers start at the same time (round %i)',
    async () => {
      const [first, ...others] = await emptyDatabase(4)
      await applyFormerMigrations(first)
      await fill(first)
      const before = await allRows(first)
      const migrated = await Promise.all([first, ...others].map(migrate))
      expect(migrated.flat()).toEqual(later)
      expect(await allRows(first)).toEqual(before)
      expect(await applied(first)).toHaveLength(4 + later.length)
    },
  )

  test('is rejected by a server of the former version after the conversion', async () => {
    const [kysely] = await emptyDatabase()
    await applyFormerMigrations(kysely)
    await migrate(kysely)
    await expect(applyFormerMigrations(kysely)).rejects.toThrow('0001_clients is missing')
  })
})

describe('a database that cannot be converted', () => {
  test.each([1, 2, 6, 8])(
    'because it has %i of the nine is rejected with instructions, and not changed',
    async (count) => {
      const [kysely] = await emptyDatabase()
      await applyFormerMigrations(kysely, count)
      await expectRejected(
        kysely,
        /does not know: 0001_create_oauth_clients.*Export the interactions.*import them/,
      )
    },
  )

  test('because it has an additional migration is rejected with instructions, and not changed', async () => {
    const [kysely] = await emptyDatabase()
    await applyFormerMigrations(kysely)
    await sql`insert into schema_migrations values ('0010_unknown', now()::text)`.execute(kysely)
    await expectRejected(kysely, /0010_unknown.*Export the interactions.*import them/)
  })
})

async function expectRejected(kysely: Kysely<Tables>, message: RegExp): Promise<void> {
  const state = async () => [await describeSchema(kysely), await applied(kysely)]
  const before = await state()
  await expect(migrate(kysely)).rejects.toThrow(message)
  expect(await state()).toEqual(before)
}

async function applied(kysely: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from schema_migrations order by name`.execute(
    kysely,
  )
  return rows.map(({ name }) => name)
}

/** Inserts rows into each table, with totals as if hours had been counted. */
async function fill(kysely: Kysely<Tables>): Promise<void> {
  await sql`
    insert into oauth_clients (client_id, secret_hash, role, organization_id)
    values ('client', 'hash', 'AGENT', 'acme')`.execute(kysely)
  await sql`
    update interaction_day_totals_state
    set seal = 3, sealed_until = '2025-01-01', counted_until = '2025-01-01'`.execute(kysely)
  await sql`
    insert into interactions (id, organization_id, created_by, created_at, data) values
      ('old', 'acme', 'agent', '2024-12-31', '{"customerId": "c-1", "amount": 1.0}'),
      ('new', 'acme', 'agent', '2025-12-31', '{"tags": ["a"]}')`.execute(kysely)
  await sql`
    insert into interaction_day_totals values ('acme', '2024-12-31', 0, array_fill(1, array[24]))`.execute(
    kysely,
  )
  await sql`
    insert into idempotency_keys (key, fingerprint, interaction_id) values ('\\x01', '\\x02', 'new')`.execute(
    kysely,
  )
}

/** Returns the rows of each table of this version as text, without columns that are null. */
async function allRows(kysely: Kysely<Tables>): Promise<{ count: number; rows: string }[]> {
  const tables = [
    'idempotency_keys',
    'interaction_day_totals',
    'interaction_day_totals_state',
    'interaction_total_changes',
    'interactions',
    'oauth_clients',
  ]
  const contents = tables.map(async (table) => {
    const { rows } = await sql<{ count: number; rows: string }>`
      select count(*)::int as count, string_agg(line, E'\n' order by line) as rows
      from (
        select jsonb_strip_nulls(to_jsonb(one))::text as line from ${sql.table(table)} as one
      ) as lines`.execute(kysely)
    return rows
  })
  return (await Promise.all(contents)).flat()
}
