// Finds out whether Citus distributes the interactions over several machines, and whether these are configured for it.
import { type Kysely, sql } from 'kysely'
import { describeTimes, isExpected } from '../session.ts'
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

/**
 * Checks the sessions on the workers, which do not get the settings of the service: statements there must read and write
 * times as on the coordinator.
 * @throws Error for the operator that names each worker whose sessions differ, or which does not respond
 */
export async function checkWorkers(kysely: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ worker: string; success: boolean; result: string }>`
    select nodename || ':' || nodeport as worker, success, result
    from run_command_on_workers(${describeTimes})`.execute(kysely)
  const refused = rows.filter(({ success, result }) => !success || !isExpected(result))
  if (refused.length === 0) return
  const findings = refused.map(({ worker, result }) => `${worker}: ${result}`).join('; ')
  throw new Error(
    `the sessions on each worker must have TimeZone UTC and DateStyle ISO (${findings}): ` +
      "set timezone = 'UTC' and datestyle = 'ISO' there, in postgresql.conf or for the role",
  )
}
