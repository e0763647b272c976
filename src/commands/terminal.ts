// What the commands share: access to the process, settings, log and database.
import { type Logger, pino } from 'pino'
import { hasExampleSecret } from '../config/bootstrap-clients.ts'
import { type Config, misspeltSettings, readConfig } from '../config/config.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { logLostConnection, migrateDatabase } from '../database/schema/prepare.ts'
import { type AuditLog, openAuditLog } from '../observability/audit/log.ts'
import { databaseUrl } from '../server.ts'

/** The parts of the process that commands may use. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** whether standard error is a terminal */
  readonly isInteractive: boolean
  /** whether standard output is a terminal, where people read the result */
  readonly outputIsTerminal: boolean
  /** Writes a line of the command's result to standard output. */
  print(line: string): void
  /**
   * Writes a part of a result that is too large to keep. Resolves when more can be written.
   * @throws OutputClosed when nobody reads standard output any more, such as after `| head`
   */
  write(text: string): Promise<void>
  /** stream for progress bars, shown only if it is a terminal */
  readonly screen: NodeJS.WritableStream
  /**
   * Returns a signal that the first SIGINT (ctrl-C) or SIGTERM aborts instead of ending the process. The second one ends
   * the process.
   */
  interruption(): AbortSignal
  /**
   * Calls `stop` on the first SIGINT or SIGTERM. Another one within a second changes nothing; a later one ends the process
   * at once, with exit code 1 (contract §8, Stop).
   */
  onStopSignal(stop: () => void): void
  /** Calls back on each SIGHUP, which no longer ends the process. */
  onHangup(listener: () => void): void
  /** Frees the memory that nothing uses any more, in some 30 ms. */
  collectGarbage(): void
  /** the user of the operating system who runs the command */
  readonly operator: string
}

/** Thrown when standard output is a pipe whose reader has ended. It needs no message: the reader has what it wanted. */
export class OutputClosed extends Error {}

/** Thrown by a command that a signal stopped; the message says how far it got. */
export class Interrupted extends Error {}

/**
 * Reads the settings and opens the log. Warns of variables that are probably misspelt settings.
 * @throws InvalidConfig that names every invalid setting
 */
export async function readSettings({ environment, isInteractive }: Terminal) {
  const config = readConfig(environment)
  const log = await openLog(config, isInteractive)
  for (const sentence of misspeltSettings(environment)) log.warn(sentence)
  if (config.bootstrapClients.some(hasExampleSecret))
    log.warn('BOOTSTRAP_CLIENTS has secrets of an example, which everybody knows')
  return { config, log }
}

/** Logs to standard error: standard output is for the command's result. */
async function openLog({ logLevel, logFormat }: Config, isInteractive: boolean): Promise<Logger> {
  const options = { level: logLevel }
  if ((logFormat ?? (isInteractive ? 'pretty' : 'json')) === 'json') return pino(options, pino.destination(2))
  const { default: pretty } = await import('pino-pretty')
  return pino(
    options,
    pretty({ destination: 2, sync: true, ignore: 'pid,hostname', colorize: isInteractive }),
  )
}

/**
 * Runs `work` on the configured database after migrating it, with the log and the audit log open. If a server runs on the same data directory, its embedded
 * PostgreSQL is used.
 */
export async function withDatabase(
  terminal: Terminal,
  work: (database: Database, log: Logger, config: Config, audit: AuditLog) => Promise<void>,
): Promise<void> {
  const { config, log } = await readSettings(terminal)
  const { url, stop } = await databaseUrl(config, log, { shareRunning: true })
  try {
    const applied = await migrateDatabase(config, url, log)
    // Commands of operators may take long.
    const settings = { ...applied.database, statementTimeoutMs: 0 }
    const database = openDatabase(settings, (error) => logLostConnection(error, log))
    const audit = await openAuditLog(config.audit, log)
    await work(database, log, applied, audit)
      .finally(() => audit.close())
      .finally(() => database.close())
  } finally {
    await stop()
  }
}
