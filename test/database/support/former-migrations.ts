// Applies the nine migrations of former versions, which former-migrations/ contains unchanged.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Kysely, Migrator, sql } from 'kysely'
import type { Tables } from '../../../src/database/tables.ts'

const folder = path.join(import.meta.dirname, 'former-migrations')

/**
 * Applies the first of the nine migrations as former versions did.
 * @param count how many, from 1 to 9
 */
export async function applyFormerMigrations(kysely: Kysely<Tables>, count = 9): Promise<void> {
  const files = (await readdir(folder)).sort().slice(0, count)
  const texts = await Promise.all(
    files.map(async (file) => [path.basename(file, '.sql'), await readFile(path.join(folder, file), 'utf8')]),
  )
  const migrations = texts.map(([name = '', text = '']) => [
    name,
    { up: async (db: Kysely<unknown>) => void (await sql.raw(text).execute(db)) },
  ])
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => Object.fromEntries(migrations) },
    migrationTableName: 'schema_migrations',
    migrationLockTableName: 'schema_migrations_lock',
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
