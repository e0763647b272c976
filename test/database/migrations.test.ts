// Migrations are applied once, all or none, by any number of servers, and create the tables that the code expects.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Kysely, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { migrate } from '../../src/database/schema/migrations.ts'
import type { Tables } from '../../src/database/tables.ts'
import { cloneDatabase } from '../support/database.ts'
import { emptyDatabase } from './support/empty-database.ts'

const folder = path.join(import.meta.dirname, '..', '..', 'migrations')

/** Never change a released migration: databases that have it would miss the change. Add a new one. */
const frozen = {
  '0001_clients.sql': '063034e9f89d798feb1681405d2adbf8a22733e6a5d2c967f87ee0774ebbd7f7',
  '0002_interactions.sql': '67d4fa80e741521dbe864c6695e913549ca46c6cd77c0bac57fbb32678eee5be',
  '0003_totals.sql': '0702aabfc32cdbe125ec2dbaf63a76be2fa0e67ba8c0af61ce60c76cef9659a3',
  '0004_idempotency_keys.sql': 'dc56b5f012b98133c7f6e34abd79866af5bb9f48ed10f80da21ce1cfbbc26019',
  '0005_second_secret.sql': '993881359465e2bacf76ec0c9c0ee4c7f1ce6cbd9048517bb8a1c56fc6eae074',
}
const names = Object.keys(frozen).map((file) => path.basename(file, '.sql'))

test('the released migrations are unchanged', async () => {
  const files = (await readdir(folder)).sort()
  const hash = async (file: string) =>
    createHash('sha256')
      .update(await readFile(path.join(folder, file)))
      .digest('hex')
  const hashes = await Promise.all(files.map(async (file) => [file, await hash(file)]))
  expect(Object.fromEntries(hashes)).toEqual(frozen)
})

describe('migrating', () => {
  test('applies all in order to an empty database, and none the second time', async () => {
    const [kysely] = await emptyDatabase()
    expect(await migrate(kysely)).toEqual(names)
    expect(await migrate(kysely)).toEqual([])
    expect(await tableNames(kysely)).toEqual(expect.arrayContaining(['interactions', 'oauth_clients']))
  })

  test('keeps the rows of a database', async () => {
    const { database } = await cloneDatabase()
    await sql`insert into interactions (id, organization_id, created_by, data) values ('kept', 'o', 'u', '{}')`.execute(
      database.kysely,
    )
    expect(await migrate(database.kysely)).toEqual([])
    expect(await database.kysely.selectFrom('interactions').select('id').execute()).toEqual([{ id: 'kept' }])
  })

  test.each([1, 2, 3])(
    'applies each once when several servers start at the same time (round %i)',
    async () => {
      const servers = await emptyDatabase(4)
      const applied = await Promise.all(servers.map(migrate))
      expect(applied.flat().sort()).toEqual(names)
      expect(applied.filter((one) => one.length > 0)).toHaveLength(1)
    },
  )

  test('changes nothing when a migration fails, and reports its name and the cause', async () => {
    const [kysely] = await emptyDatabase()
    await sql`create table interactions (id int)`.execute(kysely)
    const failure = await migrate(kysely).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      message: 'migration 0002_interactions failed',
      cause: { message: expect.stringContaining('already exists') },
    })
    expect(await tableNames(kysely)).not.toContain('oauth_clients')
    await sql`drop table interactions`.execute(kysely)
    expect(await migrate(kysely)).toEqual(names)
  })

  test('rejects a database of a newer version', async () => {
    const { database } = await cloneDatabase()
    await sql`insert into schema_migrations values ('9999_from_the_future', now()::text)`.execute(
      database.kysely,
    )
    await expect(migrate(database.kysely)).rejects.toThrow(
      /does not know: 9999_from_the_future\. Start the version that migrated it/,
    )
  })
})

describe('the tables', () => {
  test('have the columns that tables.ts declares', async () => {
    const { database } = await cloneDatabase()
    const { rows } = await sql<{ table: string; columns: string[] }>`
      select table_name as table, array_agg(column_name || ': ' || data_type
               || case when is_nullable = 'YES' then ' or null' else '' end
               || case when is_generated = 'ALWAYS' then ', generated' else '' end order by ordinal_position) as columns
      from information_schema.columns
      where table_schema = 'public' and table_name not like 'schema_migrations%'
      group by table_name`.execute(database.kysely)
    const expected = Object.entries(columns).map(([table, types]) => ({
      table,
      columns: Object.entries(types).map(([column, type]) => `${column}: ${type}`),
    }))
    expect(rows.sort((a, b) => a.table.localeCompare(b.table))).toEqual(expected)
  })

  test('compare and sort ids and names byte by byte, with any locale of the server', async () => {
    const { database } = await cloneDatabase()
    const { rows } = await sql<{ name: string }>`
      select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name in ('interactions', 'oauth_clients')
        and data_type = 'text' and collation_name is distinct from 'C'
      order by column_name`.execute(database.kysely)
    expect(rows.map(({ name }) => name)).toEqual(['old_secret_hash', 'role', 'secret_hash'])
  })

  test('need no sequences or extensions, and only the triggers and functions that record changes and promote', async () => {
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

  test.each(['[]', '"{}"', '1', 'null'])('reject data that is not an object: %s', async (data) => {
    const { database } = await cloneDatabase()
    const inserting = sql`
      insert into interactions (id, organization_id, created_by, data) values ('x', 'o', 'u', ${data})`
    await expect(inserting.execute(database.kysely)).rejects.toMatchObject({ code: '23514' })
  })
})

/** The compiler checks that these are exactly the columns of tables.ts. */
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
    old_secret_hash: 'text or null',
    old_secret_expires_at: 'timestamp with time zone or null',
  },
}

async function tableNames(kysely: Kysely<Tables>): Promise<string[]> {
  return (await kysely.introspection.getTables()).map(({ name }) => name)
}
