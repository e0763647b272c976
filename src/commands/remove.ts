// `purge` and `erase`: what removes interactions for good.
import { type Command, InvalidArgumentError } from 'commander'
import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import { countRemovable, type Removal, removeInBatches } from '../interactions/sql/remove.ts'
import { toTimestamp } from '../types/instant.ts'
import { readIdentifier, readMoment } from './arguments.ts'
import { formatCount, showProgress } from './progress.ts'
import { Interrupted, type Terminal, withDatabase } from './terminal.ts'

const dryRun = ['--dry-run', 'remove nothing, and tell how many there are'] as const

export function addRemovalCommands(program: Command, terminal: Terminal): void {
  program
    .command('purge')
    .description(
      'remove the interactions that were created before a date; interrupted, run it again to go on',
    )
    .requiredOption('--before <date>', 'the first date, or date-time with a zone, to keep', readPast)
    .option('--organization <id>', 'of this organization alone', readIdentifier)
    .option(...dryRun)
    .action(({ before, organization, dryRun }: PurgeOptions) =>
      remove(terminal, { createdBefore: toTimestamp(before), organizationId: organization }, dryRun),
    )

  program
    .command('erase')
    .description(
      'remove the interactions of a customer: those that a search by customerId finds; interrupted, run it again to go on',
    )
    .requiredOption('--organization <id>', 'the organization whose customer it is', readIdentifier)
    .requiredOption('--customer-id <id>', 'the customerId in their data', readCustomerId)
    .option(...dryRun)
    .action(({ organization, customerId, dryRun }: EraseOptions) =>
      remove(terminal, { organizationId: organization, customerId }, dryRun),
    )
}

interface PurgeOptions {
  readonly before: number
  readonly organization?: string
  readonly dryRun?: true
}

interface EraseOptions {
  readonly organization: string
  readonly customerId: string
  readonly dryRun?: true
}

function readPast(text: string): number {
  const moment = readMoment(text)
  if (moment > Date.now()) throw new InvalidArgumentError('It must not lie in the future.')
  return moment
}

function readCustomerId(text: string): string {
  if (text === '' || !text.isWellFormed()) throw new InvalidArgumentError('It must have a character.')
  return text
}

async function remove(terminal: Terminal, removal: Removal, isDryRun = false): Promise<void> {
  const signal = terminal.interruption()
  await withDatabase(terminal, async (database, log) => {
    const total = await countRemovable(database, removal)
    if (isDryRun) terminal.print(`${formatCount(total)} interactions would be removed.`)
    else await removeAll(database, log, { terminal, removal, total, signal })
  })
}

interface Run {
  readonly terminal: Terminal
  readonly removal: Removal
  readonly total: number
  readonly signal: AbortSignal
}

async function removeAll(
  database: Database,
  log: Logger,
  { terminal, removal, total, signal }: Run,
): Promise<void> {
  const progress = showProgress(terminal, 'interactions', total)
  let removed = 0
  const howFar = () =>
    `${formatCount(removed)} of ${formatCount(total)} interactions are removed; run it again to go on`
  try {
    for await (const some of removeInBatches(database, removal, signal)) {
      removed += some
      progress.update(removed)
    }
  } catch (error) {
    throw new Error(howFar(), { cause: error })
  } finally {
    progress.stop()
    // without the customer, whom the log is not to keep either
    const { organizationId, ...rest } = removal
    const createdBefore = 'createdBefore' in rest ? rest.createdBefore : undefined
    log.info({ removed, of: total, organizationId, createdBefore }, 'interactions removed')
  }
  if (signal.aborted) throw new Interrupted(howFar())
  terminal.print(`${formatCount(removed)} interactions are removed.`)
}
