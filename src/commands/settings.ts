// What every command starts from: the process as it was handed over, the settings read from it, and the database.
import { type Logger, pino } from 'pino'
import { readConfig } from '../config.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { databaseUrl, logLost, migrateDatabase } from '../server.ts'

/** What a command sees of the process. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Writes what was asked for, and nothing else, to standard output. */
  print(line: string): void
  /** Writes what is told beside it, to standard error. */
  warn(line: string): void
  /** where progress is shown, when it is a terminal */
  readonly screen: NodeJS.WritableStream
  /**
   * Has the first signal to end (SIGINT, as of ctrl-C, or SIGTERM) abort what this gives, in place of ending the process;
   * the second ends it.
   */
  interruption(): AbortSignal
}

/** Thrown by what stopped in order when it was asked to; the message tells how far it came. */
export class Interrupted extends Error {}

/** @throws InvalidConfig naming every wrong setting */
export function readSettings({ environment }: Terminal) {
  const config = readConfig(environment)
  // to standard error, so that standard output holds what was asked for alone
  return { config, log: pino({ level: config.logLevel }, pino.destination(2)) }
}

/** Works on the database of the settings, its schema up to date; beside a running server, on that server's. */
export async function withDatabase(
  terminal: Terminal,
  work: (database: Database, log: Logger) => Promise<void>,
): Promise<void> {
  const { config, log } = readSettings(terminal)
  const { url, stop } = await databaseUrl(config, log, { beside: true })
  try {
    await migrateDatabase(config, url, log)
    // what an operator asks for may take its time
    const settings = { ...config.database, url, statementTimeoutMs: 0 }
    const database = openDatabase(settings, (lost) => logLost(lost, log))
    await work(database, log).finally(() => database.close())
  } finally {
    await stop()
  }
}
