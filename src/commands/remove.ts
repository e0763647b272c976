// `purge` and `erase`: delete interactions permanently.
import { type Command, InvalidArgumentError } from 'commander'
import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import { countRemovable, type Removal, removeInBatches } from '../interactions/sql/remove.ts'
import type { AuditLog } from '../observability/audit/log.ts'
import { toTimestamp } from '../types/instant.ts'
import { readIdentifier, readMoment } from './arguments.ts'
import { formatCount, showProgress } from './results.ts'
import { Interrupted, type Terminal, withDatabase } from './terminal.ts'

const dryRun = ['--dry-run', 'delete nothing; print how many interactions would be deleted'] as const

export function addRemovalCommands(program: Command, terminal: Terminal): void {
  program
    .command('purge')
    .description(
      'delete interactions that were created before a date; if interrupted, run it again to resume',
    )
    .requiredOption(
      '--before <date>',
      'date, or date-time with a zone; interactions created then or later are kept',
      readPast,
    )
    .option('--organization <id>', 'only of this organization', readIdentifier)
    .option(...dryRun)
    .action(({ before, organization, dryRun }: PurgeOptions) =>
      remove(terminal, { createdBefore: toTimestamp(before), organizationId: organization }, dryRun),
    )

  program
    .command('erase')
    .description(
      'delete the interactions of a customer, as found by a search by customerId; if interrupted, run it again to resume',
    )
    .requiredOption('--organization <id>', 'organization of the customer', readIdentifier)
    .requiredOption('--customer-id <id>', 'customerId in the data of the interactions', readCustomerId)
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
  if (moment > Date.now()) throw new InvalidArgumentError('It must not be in the future.')
  return moment
}

function readCustomerId(text: string): string {
  if (text === '' || !text.isWellFormed())
    throw new InvalidArgumentError('It must not be empty or contain half of a surrogate pair.')
  return text
}

async function remove(terminal: Terminal, removal: Removal, isDryRun = false): Promise<void> {
  const signal = terminal.interruption()
  await withDatabase(terminal, async (database, log, _config, audit) => {
    const total = await countRemovable(database, removal)
    if (isDryRun) terminal.print(`${formatCount(total)} interactions would be deleted.`)
    else await removeAll(database, log, audit, { terminal, removal, total, signal })
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
  audit: AuditLog,
  { terminal, removal, total, signal }: Run,
): Promise<void> {
  const progress = showProgress(terminal, 'interactions', total)
  let removed = 0
  const progressMessage = () =>
    `deleted ${formatCount(removed)} of ${formatCount(total)} interactions; run the command again to resume`
  try {
    for await (const count of removeInBatches(database, removal, signal)) {
      removed += count
      progress.update(removed)
    }
  } catch (error) {
    throw new Error(progressMessage(), { cause: error })
  } finally {
    progress.stop()
    // The logs must not name the customer whose data is erased.
    const { organizationId, ...rest } = removal
    const createdBefore = 'createdBefore' in rest ? rest.createdBefore : undefined
    log.info({ removed, of: total, organizationId, createdBefore }, 'interactions deleted')
    audit.record('interaction.removed', {
      operator: terminal.operator,
      command: createdBefore === undefined ? 'erase' : 'purge',
      organization: organizationId,
      createdBefore,
      count: removed,
    })
  }
  if (signal.aborted) throw new Interrupted(progressMessage())
  terminal.print(`Deleted ${formatCount(removed)} interactions.`)
}
