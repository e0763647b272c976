// Databases of the nine migrations that this version's first four replace.
import { type Kysely, MIGRATION_LOCK_ID, sql } from 'kysely'
import type { Tables } from '../tables.ts'

const formerNames = [
  '0001_create_oauth_clients',
  '0002_create_interactions',
  '0003_index_interactions_by_date',
  '0004_keep_totals',
  '0005_index_in_ascending_order',
  '0006_promote_in_one_pass',
  '0007_keep_totals_by_day',
  '0008_index_interactions_by_type',
  '0009_keep_idempotency_keys',
]

/** These create the same schema, except for two tables that the former ones left unused. */
const replacements = ['0001_clients', '0002_interactions', '0003_totals', '0004_idempotency_keys']

/** The table and row of Kysely's Migrator; PostgreSQL's advisory lock, which it takes, depends on neither. */
const lock = { lockTable: 'schema_migrations_lock', lockRowId: MIGRATION_LOCK_ID }

/**
 * Converts a database with exactly the nine former migrations: drops the two unused tables, and records the four
 * replacements as applied. The interactions are not touched. Any number of servers may call this at the same time.
 * @param known the names of this version's migrations
 * @throws Error for the operator, with nothing changed, when the database has any other migration that is not known
 */
export async function convertFormerDatabase(
  kysely: Kysely<Tables>,
  known: ReadonlySet<string>,
): Promise<void> {
  const isCurrent = (applied: ReadonlySet<string>) => [...applied].every((name) => known.has(name))
  if (isCurrent(await readApplied(kysely))) return
  await withMigrationLock(kysely, async (transaction) => {
    const applied = await readApplied(transaction)
    // another server may have converted the database while this one waited for the lock
    if (isCurrent(applied)) return
    if (!isFormer(applied)) throw new Error(refusal(applied, known))
    await sql`drop table if exists interaction_totals, interaction_totals_state`.execute(transaction)
    await sql`delete from schema_migrations`.execute(transaction)
    const rows = replacements.map((name) => sql`(${name}, ${new Date().toISOString()})`)
    await sql`insert into schema_migrations (name, timestamp) values ${sql.join(rows)}`.execute(transaction)
  })
}

/** Returns the names of the migrations that the database has; none when it was never migrated. */
export async function readApplied(kysely: Kysely<Tables>): Promise<ReadonlySet<string>> {
  const { rows: tables } = await sql`select where to_regclass('schema_migrations') is not null`.execute(
    kysely,
  )
  if (tables.length === 0) return new Set()
  const { rows } = await sql<{ name: string }>`select name from schema_migrations`.execute(kysely)
  return new Set(rows.map(({ name }) => name))
}

function isFormer(applied: ReadonlySet<string>): boolean {
  return applied.size === formerNames.length && formerNames.every((name) => applied.has(name))
}

/** Returns why a database with migrations that this version does not know is refused. */
export function refusal(applied: ReadonlySet<string>, known: ReadonlySet<string>): string {
  const unknown = [...applied].filter((name) => !known.has(name)).sort()
  const found = `the database has migrations that this version does not know: ${unknown.join(', ')}. `
  return unknown.some((name) => formerNames.includes(name))
    ? `${found}Only a database with all nine of ${formerNames[0]} to ${formerNames.at(-1)}, and no others, can be ` +
        'converted. Export the interactions with the version that created the database, then import them into an ' +
        'empty one with this version; clients must be created again'
    : `${found}Start the version that migrated it, or a later one, or use another database`
}

/** Runs `work` in a transaction while no Migrator of another server runs. */
async function withMigrationLock(
  kysely: Kysely<Tables>,
  work: (transaction: Kysely<Tables>) => Promise<void>,
): Promise<void> {
  await kysely.connection().execute(async (connection) => {
    const { adapter } = connection.getExecutor()
    await adapter.acquireMigrationLock(connection, lock)
    try {
      await connection.transaction().execute(work)
    } finally {
      await adapter.releaseMigrationLock(connection, lock)
    }
  })
}
