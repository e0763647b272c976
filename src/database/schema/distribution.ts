// Finds out whether Citus distributes the interactions over several machines.
import { type Kysely, sql } from 'kysely'
import type { Tables } from '../tables.ts'

/** `unsupported`: the database has no Citus. `local`: it has, but the interactions are on one machine. */
export type Distribution = 'unsupported' | 'local' | 'distributed'

/** Returns whether the interactions are distributed, by the catalog of Citus. */
export async function readDistribution(kysely: Kysely<Tables>): Promise<Distribution> {
  const { rows: catalogs } = await sql`select where to_regclass('pg_dist_partition') is not null`.execute(
    kysely,
  )
  if (catalogs.length === 0) return 'unsupported'
  const { rows: partitions } = await sql`
    select from pg_dist_partition where logicalrelid = 'interactions'::regclass`.execute(kysely)
  return partitions.length === 0 ? 'local' : 'distributed'
}
