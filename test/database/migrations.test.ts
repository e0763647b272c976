// The migrations run once each, all or nothing, whoever starts them; and what they make is what the code expects.
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrations.ts'
import type { Tables } from '../../src/database/tables.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings, withDatabase } from '../support/postgres-setup.ts'

const folder = path.join(import.meta.dirname, '..', '..', 'migrations')

/** A migration that was released is never changed: databases that have it would not get the change. Add another. */
const frozen = {
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
const names = Object.keys(frozen).map((file) => path.basename(file, '.sql'))

test('the migrations are those that were released, unchanged', async () => {
  const files = (await readdir(folder)).sort()
  const hash = async (file: string) =>
    createHash('sha256')
      .update(await readFile(path.join(folder, file)))
      .digest('hex')
  const hashes = await Promise.all(files.map(async (file) => [file, await hash(file)]))
  expect(Object.fromEntries(hashes)).toEqual(frozen)
})

describe('migrating', () => {
  test('an empty database applies all, in order, and a second time does nothing', async () => {
    const [kysely] = await emptyDatabase()
    expect(await migrate(kysely)).toEqual(names)
    expect(await migrate(kysely)).toEqual([])
    expect(await tableNames(kysely)).toEqual(expect.arrayContaining(['interactions', 'oauth_clients']))
  })

  test('a database with rows leaves them as they are', async () => {
    const { database } = await cloneDatabase()
    await sql`insert into interactions (id, organization_id, created_by, data) values ('kept', 'o', 'u', '{}')`.execute(
      database.kysely,
    )
    expect(await migrate(database.kysely)).toEqual([])
    expect(await database.kysely.selectFrom('interactions').select('id').execute()).toEqual([{ id: 'kept' }])
  })

  test.each([1, 2, 3])('from several servers at once applies each once (round %i)', async () => {
    const servers = await emptyDatabase(4)
    const applied = await Promise.all(servers.map(migrate))
    expect(applied.flat().sort()).toEqual(names)
    expect(applied.filter((one) => one.length > 0)).toHaveLength(1)
  })

  test('that fails names the migration, its cause, and leaves nothing behind', async () => {
    const [kysely] = await emptyDatabase()
    await sql`create table interactions (id int)`.execute(kysely)
    const failure = await migrate(kysely).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      message: 'migration 0002_create_interactions failed',
      cause: { message: expect.stringContaining('already exists') },
    })
    expect(await tableNames(kysely)).not.toContain('oauth_clients')
    await sql`drop table interactions`.execute(kysely)
    expect(await migrate(kysely)).toEqual(names)
  })

  test('a database of a newer version is refused', async () => {
    const { database } = await cloneDatabase()
    await sql`insert into schema_migrations values ('9999_from_the_future', now()::text)`.execute(
      database.kysely,
    )
    await expect(migrate(database.kysely)).rejects.toThrow('the database could not be migrated')
  })
})

describe('the tables', () => {
  test('have the columns that tables.ts says', async () => {
    const { database } = await cloneDatabase()
    const { rows } = await sql<{ table: string; columns: string[] }>`
      select table_name as table, array_agg(column_name || ': ' || data_type
               || case when is_nullable = 'YES' then ' or null' else '' end
               || case when is_generated = 'ALWAYS' then ', generated' else '' end order by ordinal_position) as columns
      from information_schema.columns
      where table_schema = 'public' and table_name not like 'schema_migrations%'
        and table_name not in (${sql.join(ofVersionBefore)})
      group by table_name`.execute(database.kysely)
    const expected = Object.entries(columns).map(([table, types]) => ({
      table,
      columns: Object.entries(types).map(([column, type]) => `${column}: ${type}`),
    }))
    expect(rows.sort((a, b) => a.table.localeCompare(b.table))).toEqual(expected)
  })

  test('compare and sort ids and names byte by byte, whatever the locale of the server', async () => {
    const { database } = await cloneDatabase()
    const { rows } = await sql<{ name: string }>`
      select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name in ('interactions', 'oauth_clients')
        and data_type = 'text' and collation_name is distinct from 'C'
      order by column_name`.execute(database.kysely)
    expect(rows.map(({ name }) => name)).toEqual(['role', 'secret_hash'])
  })

  test('need no sequence or extension, and no trigger or function but those that note changes and promote', async () => {
    const { database } = await cloneDatabase()
    const { rows } = await sql`
      select relname as name from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace
      union all select tgname from pg_trigger where tgname not like 'interactions\\_%'
      union all select proname from pg_proc where pronamespace = 'public'::regnamespace
        and proname not in (
          'note_interaction_changes', 'note_interaction_move', 'forget_interaction_totals',
          'promote_interaction', 'promote_interaction_row'
        )
      union all select extname from pg_extension where extname <> 'plpgsql'`.execute(database.kysely)
    expect(rows).toEqual([])
  })

  test.each(['[]', '"{}"', '1', 'null'])('hold no data that is no object: %s', async (data) => {
    const { database } = await cloneDatabase()
    const inserting = sql`
      insert into interactions (id, organization_id, created_by, data) values ('x', 'o', 'u', ${data})`
    await expect(inserting.execute(database.kysely)).rejects.toMatchObject({ code: '23514' })
  })
})

/** What servers of the version before may still read (see 0007). */
const ofVersionBefore = ['interaction_totals', 'interaction_totals_state']

/** The compiler sees to it that every column of tables.ts is here, and no other. */
const columns: { [Table in keyof Tables]: Record<keyof Tables[Table], string> } = {
  idempotency_keys: {
    key: 'bytea',
    fingerprint: 'bytea',
    interaction_id: 'text',
    created_at: 'timestamp with time zone',
  },
  interaction_day_totals: {
    organization_id: 'text',
    day: 'timestamp with time zone',
    before: 'bigint',
    hours: 'ARRAY',
  },
  interaction_day_totals_state: {
    one: 'boolean',
    seal: 'bigint',
    sealed_until: 'timestamp with time zone',
    counted_until: 'timestamp with time zone',
  },
  interaction_total_changes: {
    organization_id: 'text',
    hour: 'timestamp with time zone',
    change: 'bigint',
  },
  interactions: {
    id: 'text',
    organization_id: 'text',
    created_by: 'text',
    created_at: 'timestamp with time zone',
    type: 'text or null',
    data: 'json',
    version: 'bigint',
    customer_id: 'text or null',
    conference_id: 'text or null',
    on_hold_duration: 'numeric or null',
    media_recorded: 'boolean',
    cobrowse_recorded: 'boolean',
    type_prefix: 'text or null, generated',
    created_by_prefix: 'text or null, generated',
    tags: 'jsonb or null',
    tags_beyond_index: 'boolean',
  },
  oauth_clients: {
    client_id: 'text',
    secret_hash: 'text',
    role: 'text',
    organization_id: 'text or null',
    scopes: 'ARRAY',
    created_at: 'timestamp with time zone',
    revoked_at: 'timestamp with time zone or null',
  },
}

/** Several servers' connections to one new database without tables; gone when the test is. */
async function emptyDatabase(servers = 1): Promise<[Kysely<Tables>, ...Kysely<Tables>[]]> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client({ connectionString: inject('postgresUrl') })
  await admin.connect()
  await admin.query(`create database ${name}`)
  const url = withDatabase(inject('postgresUrl'), name)
  const open = () => openDatabase({ ...testDatabaseSettings, url }, () => {})
  const [first, ...others] = [open(), ...Array.from({ length: servers - 1 }, open)] as const
  onTestFinished(async () => {
    await Promise.all([first, ...others].map((database) => database.close()))
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  })
  return [first.kysely, ...others.map(({ kysely }) => kysely)]
}

async function tableNames(kysely: Kysely<Tables>): Promise<string[]> {
  return (await kysely.introspection.getTables()).map(({ name }) => name)
}
