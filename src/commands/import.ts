// `import`: puts what was exported back, as it was.
import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Database } from '../database/database.ts'
import type { ValidationErrors } from '../http/problem.ts'
import { readLine } from '../interactions/lines.ts'
import { insertStored, type StoredInteraction } from '../interactions/sql/insert.ts'
import { readIdentifier } from './arguments.ts'
import { type Line, readLines } from './file-lines.ts'
import { formatCount, showProgress } from './progress.ts'
import { Interrupted, type Terminal, withDatabase } from './terminal.ts'

export function addImportCommand(program: Command, terminal: Terminal): void {
  program
    .command('import')
    .description(
      'store the interactions of an export; those that are stored already are left, so that it can be run again',
    )
    .argument('<file>', 'NDJSON, as export writes it')
    .option('--organization <id>', 'refuse those of any other', readIdentifier)
    .action((path: string, { organization }: { organization?: string }) =>
      importFile(terminal, path, organization),
    )
}

/** What is stored in one transaction. */
const batchLimits = { rows: 500, bytes: 1_048_576 } as const

/** How many lines a message names. */
const mostNamed = 20

interface Tally {
  stored: number
  alike: number
  /** numbers of lines */
  readonly differing: number[]
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
    const tally: Tally = { stored: 0, alike: 0, differing: [] }
    await withDatabase(terminal, async (database) => {
      const progress = showProgress(terminal, 'bytes', size)
      try {
        for await (const batch of inBatches(lines, organizationId)) {
          await store(database, batch, tally)
          progress.increment(batch.bytes)
          if (batch.error !== undefined) throw new Error(batch.error)
          if (signal.aborted) throw new Interrupted('interrupted; run it again to go on')
        }
      } finally {
        progress.stop()
        const { stored, alike } = tally
        terminal.print(
          `${formatCount(stored)} interactions are stored, ${formatCount(alike)} were there already.`,
        )
      }
    })
    refuseDiffering(tally)
  } finally {
    await file.close()
  }
}

interface Batch {
  readonly rows: StoredInteraction[]
  /** the number of the first line */
  readonly first: number
  readonly bytes: number
  /** what is wrong with the line after the last row; it is the last batch */
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
      const [wrong = []] = Object.entries(row.errors)
      const isCut = !line.isEnded && wrong[0] === 'line'
      const error = `line ${formatCount(number)}: ${isCut ? 'the file is cut here' : wrong.join(' ')}`
      return yield { rows, first: number - rows.length, bytes, error }
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
  const row = readLine(bytes.toString())
  const isOther = organizationId !== undefined && !('errors' in row) && row.organizationId !== organizationId
  return isOther ? { errors: { organizationId: `must be ${organizationId}` } } : row
}

async function store(database: Database, { rows, first }: Batch, tally: Tally): Promise<void> {
  if (rows.length === 0) return
  const last = first + rows.length - 1
  const { inserted, differing } = await insertStored(database, rows).catch((error: unknown) => {
    const lines = `lines ${formatCount(first)} to ${formatCount(last)} are not stored; run it again to go on`
    throw new Error(lines, { cause: error })
  })
  tally.stored += inserted
  tally.alike += rows.length - inserted - differing.length
  tally.differing.push(...differing.map((index) => first + index))
}

function refuseDiffering({ differing }: Tally): void {
  if (differing.length === 0) return
  const named = differing.slice(0, mostNamed).map(formatCount).join('; ')
  const more = differing.length > mostNamed ? '; …' : ''
  throw new Error(
    `${formatCount(differing.length)} interactions are not stored, as others have their ids; lines ${named}${more}`,
  )
}
