// `import`: puts what was exported back, as it was.
import { isUtf8 } from 'node:buffer'
import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Database } from '../database/database.ts'
import type { Faults } from '../http/problem.ts'
import { readImportedRow } from '../interactions/imported-row.ts'
import { type ImportedRow, importRows } from '../interactions/sql/import.ts'
import { readIdentifier } from './arguments.ts'
import { type Line, readLines } from './lines.ts'
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
          if (batch.fault !== undefined) throw new Error(batch.fault)
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
  readonly rows: ImportedRow[]
  /** the number of the first line */
  readonly first: number
  readonly bytes: number
  /** what is wrong with the line behind the last row; nothing follows it */
  readonly fault?: string
}

async function* inBatches(
  lines: AsyncIterable<Line>,
  organizationId: string | undefined,
): AsyncGenerator<Batch> {
  let rows: ImportedRow[] = []
  let bytes = 0
  let number = 0
  for await (const line of lines) {
    number++
    const faults: Faults = {}
    const row = readLine(line, organizationId, faults)
    const [wrong] = Object.entries(faults)
    if (wrong !== undefined) {
      const isCut = !line.isEnded && wrong[0] === 'line'
      const fault = `line ${formatCount(number)}: ${isCut ? 'the file is cut here' : wrong.join(' ')}`
      return yield { rows, first: number - rows.length, bytes, fault }
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

function readLine({ bytes }: Line, organizationId: string | undefined, faults: Faults): ImportedRow {
  if (!isUtf8(bytes)) faults.line = 'must be UTF-8'
  const row = readImportedRow(bytes.toString(), faults)
  if (organizationId !== undefined && row.organizationId !== organizationId)
    faults.organizationId ??= `must be ${organizationId}`
  return row
}

async function store(database: Database, { rows, first }: Batch, tally: Tally): Promise<void> {
  if (rows.length === 0) return
  const last = first + rows.length - 1
  const { stored, differing } = await importRows(database, rows).catch((error: unknown) => {
    const lines = `lines ${formatCount(first)} to ${formatCount(last)} are not stored; run it again to go on`
    throw new Error(lines, { cause: error })
  })
  tally.stored += stored
  tally.alike += rows.length - stored - differing.length
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
