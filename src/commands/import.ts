// `import`: stores the interactions of an export file unchanged.
import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Database } from '../database/database.ts'
import type { ValidationErrors } from '../http/problem.ts'
import { readLine } from '../interactions/lines.ts'
import { insertStored, type StoredInteraction } from '../interactions/sql/insert.ts'
import { readIdentifier } from './arguments.ts'
import { type Line, readLines } from './file-lines.ts'
import { formatCount, showProgress } from './results.ts'
import { Interrupted, type Terminal, withDatabase } from './terminal.ts'

export function addImportCommand(program: Command, terminal: Terminal): void {
  program
    .command('import')
    .description(
      'store the interactions of an export file; those already stored are skipped, so it can be run again',
    )
    .argument('<file>', 'NDJSON file written by export')
    .option('--organization <id>', 'reject interactions of other organizations', readIdentifier)
    .action((path: string, { organization }: { organization?: string }) =>
      importFile(terminal, path, organization),
    )
}

/** Limits of one transaction. */
const batchLimits = { rows: 500, bytes: 1_048_576 } as const

/** Maximum number of lines that a message lists. */
const maxListedLines = 20

interface Tally {
  stored: number
  alreadyStored: number
  /** line numbers of interactions whose id belongs to a different interaction */
  readonly conflicting: number[]
}

async function importFile(
  terminal: Terminal,
  path: string,
  organizationId: string | undefined,
): Promise<void> {
  const signal = terminal.interruption()
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const lines = readLines(file.createReadStream({ highWaterMark: 262_144, autoClose: false }))
    const tally: Tally = { stored: 0, alreadyStored: 0, conflicting: [] }
    await withDatabase(terminal, async (database, _log, _config, audit) => {
      const progress = showProgress(terminal, 'bytes', size)
      try {
        for await (const batch of inBatches(lines, organizationId)) {
          await store(database, batch, tally)
          progress.increment(batch.bytes)
          if (batch.error !== undefined) throw new Error(batch.error)
          if (signal.aborted) throw new Interrupted('interrupted; run the command again to resume')
        }
      } finally {
        progress.stop()
        const { stored, alreadyStored } = tally
        audit.record('interaction.imported', {
          operator: terminal.operator,
          organization: organizationId,
          count: stored,
        })
        terminal.print(
          `Stored ${formatCount(stored)} interactions; ${formatCount(alreadyStored)} were already stored.`,
        )
      }
    })
    rejectConflicts(tally)
  } finally {
    await file.close()
  }
}

interface Batch {
  readonly rows: StoredInteraction[]
  /** number of the first line */
  readonly first: number
  readonly bytes: number
  /** what is wrong with the line after the last row; ends the import */
  readonly error?: string
}

async function* inBatches(
  lines: AsyncIterable<Line>,
  organizationId: string | undefined,
): AsyncGenerator<Batch> {
  let rows: StoredInteraction[] = []
  let bytes = 0
  let number = 0
  for await (const line of lines) {
    number++
    const row = readRow(line, organizationId)
    if ('errors' in row) {
      const [error = []] = Object.entries(row.errors)
      const isTruncated = !line.isEnded && error[0] === 'line'
      const message = isTruncated ? 'the file is truncated here' : error.join(' ')
      return yield {
        rows,
        first: number - rows.length,
        bytes,
        error: `line ${formatCount(number)}: ${message}`,
      }
    }
    rows.push(row)
    bytes += line.bytes.length + 1
    if (rows.length < batchLimits.rows && bytes < batchLimits.bytes) continue
    yield { rows, first: number + 1 - rows.length, bytes }
    rows = []
    bytes = 0
  }
  yield { rows, first: number + 1 - rows.length, bytes }
}

function readRow(
  { bytes }: Line,
  organizationId: string | undefined,
): StoredInteraction | { readonly errors: ValidationErrors } {
  if (!isUtf8(bytes)) return { errors: { line: 'must be UTF-8' } }
  const row = readLine(bytes)
  const isOther = organizationId !== undefined && !('errors' in row) && row.organizationId !== organizationId
  return isOther ? { errors: { organizationId: `must be ${organizationId}` } } : row
}

async function store(database: Database, { rows, first }: Batch, tally: Tally): Promise<void> {
  if (rows.length === 0) return
  const last = first + rows.length - 1
  const { inserted, differing } = await insertStored(database, rows).catch((error: unknown) => {
    const range = `lines ${formatCount(first)} to ${formatCount(last)}`
    throw new Error(`${range} were not stored; run the command again to resume`, { cause: error })
  })
  tally.stored += inserted
  tally.alreadyStored += rows.length - inserted - differing.length
  tally.conflicting.push(...differing.map((index) => first + index))
}

function rejectConflicts({ conflicting }: Tally): void {
  if (conflicting.length === 0) return
  const listed = conflicting.slice(0, maxListedLines).map(formatCount).join('; ')
  const more = conflicting.length > maxListedLines ? '; …' : ''
  throw new Error(
    `${formatCount(conflicting.length)} interactions were not stored because different interactions have their ids; lines ${listed}${more}`,
  )
}
