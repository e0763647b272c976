// What every command starts from: the process as it was handed over, the settings read from it, and the database.
import { type Logger, pino } from 'pino'
import { type Config, readConfig } from '../config/config.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { databaseUrl, logLost, migrateDatabase } from '../server.ts'

/** What a command sees of the process. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** whether standard error is read by a person */
  readonly isInteractive: boolean
  /** Writes what was asked for, and nothing else, to standard output. */
  print(line: string): void
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
export async function readSettings({ environment, isInteractive }: Terminal) {
  const config = readConfig(environment)
  return { config, log: await openLog(config, isInteractive) }
}

/** To standard error, so that standard output holds what was asked for alone. */
async function openLog({ logLevel, logFormat }: Config, isInteractive: boolean): Promise<Logger> {
  const options = { level: logLevel }
  if ((logFormat ?? (isInteractive ? 'pretty' : 'json')) === 'json') return pino(options, pino.destination(2))
  const { default: pretty } = await import('pino-pretty')
  return pino(
    options,
    pretty({ destination: 2, sync: true, ignore: 'pid,hostname', colorize: isInteractive }),
  )
}

/** Works on the database of the settings, its schema up to date; beside a running server, on that server's. */
export async function withDatabase(
  terminal: Terminal,
  work: (database: Database, log: Logger, config: Config) => Promise<void>,
): Promise<void> {
  const { config, log } = await readSettings(terminal)
  const { url, stop } = await databaseUrl(config, log, { beside: true })
  try {
    await migrateDatabase(config, url, log)
    // what an operator asks for may take its time
    const settings = { ...config.database, url, statementTimeoutMs: 0 }
    const database = openDatabase(settings, (lost) => logLost(lost, log))
    await work(database, log, config).finally(() => database.close())
  } finally {
    await stop()
  }
}
