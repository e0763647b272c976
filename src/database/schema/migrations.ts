// Applies migrations/*.sql in the order of their numbers, each once, forward only.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Kysely, type Migration, Migrator, sql } from 'kysely'
import { packageFile } from '../../config/package-file.ts'
import { isReadOnly, type ReadOnlyRow } from '../session.ts'
import { NotMigratedError } from '../sqlstate.ts'
import type { Tables } from '../tables.ts'
import { convertFormerDatabase, readApplied, refusal } from './former-migrations.ts'

const folder = packageFile('migrations')

/**
 * Brings the schema up to date: applies all missing migrations in one transaction. Servers that start at the same time
 * wait for each other. A database that takes no writes is checked instead: it must have all migrations, and no others.
 * @returns the names of the migrations that were applied, in order; empty when there was nothing to do
 * @throws Error for the operator when a migration fails, or when the database has one that this version does not know;
 *   NotMigratedError when it takes no writes and lacks one
 */
export async function migrate(kysely: Kysely<Tables>): Promise<string[]> {
  const migrations = await readMigrations()
  if (await isReadOnly((text) => sql.raw<ReadOnlyRow>(text).execute(kysely))) {
    await checkApplied(kysely, new Set(Object.keys(migrations)))
    return []
  }
  await convertFormerDatabase(kysely, new Set(Object.keys(migrations)))
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => migrations },
    migrationTableName: 'schema_migrations',
    migrationLockTableName: 'schema_migrations_lock',
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const failed = results?.find((result) => result.status === 'Error')?.migrationName
    throw new Error(failed ? `migration ${failed} failed` : 'the database could not be migrated', {
      cause: error,
    })
  }
  return (results ?? []).map((result) => result.migrationName)
}

async function checkApplied(kysely: Kysely<Tables>, known: ReadonlySet<string>): Promise<void> {
  const applied = await readApplied(kysely)
  const missing = [...known].filter((name) => !applied.has(name)).sort()
  if (missing.length > 0)
    throw new NotMigratedError(
      `the database takes no writes and lacks migrations: ${missing.join(', ')}. Start this version on the primary first`,
    )
  if (applied.size > known.size) throw new Error(refusal(applied, known))
}

async function readMigrations(): Promise<Record<string, Migration>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql'))
  const migrations = files.map(async (file): Promise<[string, Migration]> => {
    const text = await readFile(path.join(folder, file), 'utf8')
    return [path.basename(file, '.sql'), { up: async (db) => void (await sql.raw(text).execute(db)) }]
  })
  return Object.fromEntries(await Promise.all(migrations))
}
