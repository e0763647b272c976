// Prepares the database before it is used: checks its sessions, migrates it, and finds out what it is.
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../../config/config.ts'
import { openDatabase } from '../database.ts'
import { checkSession } from '../session.ts'
import { readDistribution } from './distribution.ts'
import { migrate } from './migrations.ts'

/** Logs the message only: the error object contains the cancellation key of the connection. */
export function logLostConnection({ message }: Error, log: FastifyBaseLogger): void {
  log.warn({ reason: message }, 'idle database connection lost')
}

/** The settings as they apply to a database. */
export type AppliedConfig = Config & {
  readonly database: { readonly url: string; readonly isDistributed: boolean }
}

/**
 * Migrates the database without a time limit; one that takes no writes must be migrated.
 * @returns the settings as they apply to it: there are no totals of interactions that are distributed
 * @throws Error with a message for operators, before any change, if a session setting is not applied
 */
export async function migrateDatabase(
  config: Config,
  url: string,
  log: FastifyBaseLogger,
): Promise<AppliedConfig> {
  const settings = { ...config.database, url, poolSize: 1, statementTimeoutMs: 0, lockTimeoutMs: 0 }
  const database = openDatabase(settings, (error) => logLostConnection(error, log))
  try {
    const haveSettings = await checkSession(database.kysely)
    const applied = await migrate(database.kysely)
    if (!haveSettings)
      log.warn(
        'a pooler drops the settings of sessions, so some statements take longer: set DATABASE_POOLER=true',
      )
    if (applied.length > 0) log.info({ applied }, 'migrations applied')
    const isDistributed = (await readDistribution(database.kysely)) === 'distributed'
    return {
      ...config,
      keepsTotals: config.keepsTotals && !isDistributed,
      database: { ...config.database, url, isDistributed },
    }
  } finally {
    await database.close()
  }
}
