// `export`: writes matching interactions to a file, or to standard output. An interrupted export to a file resumes where it
// stopped.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open, rename, truncate } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { compileObject } from '../http/validation.ts'
import { toNdjson } from '../interactions/lines.ts'
import { interactionRepository } from '../interactions/repository.ts'
import { InteractionQuery } from '../interactions/schemas.ts'
import type { Criteria } from '../interactions/sql/matching.ts'
import type { Cursor } from '../interactions/sql/order.ts'
import { readIdentifier } from './arguments.ts'
import { readLines } from './file-lines.ts'
import { formatCount, showProgress } from './results.ts'
import { Interrupted, OutputClosed, type Terminal, withDatabase } from './terminal.ts'

type ExportOptions = Readonly<Record<string, string>> & { readonly out: string }

export function addExportCommand(program: Command, terminal: Terminal): void {
  program
    .command('export')
    .description('write interactions to a file, oldest first; if interrupted, run it again to resume')
    .requiredOption('--start <date-time>', 'created at this time or later; needs a time zone')
    .requiredOption('--end <date-time>', 'created at this time or earlier; needs a time zone')
    .requiredOption(
      '--out <file>',
      'file to create, or - for standard output: NDJSON, one interaction per line',
    )
    .option('--organization <id>', 'only of this organization', readIdentifier)
    .option('--type <types>', 'of any of these types, separated by commas', readFilter)
    .option('--user-id <id>', 'created by this user', readFilter)
    .option(
      '--recording <words>',
      'matching all given words: media, no_media, cobrowse, no_cobrowse',
      readFilter,
    )
    .option('--customer-id <id>', 'with this customerId', readFilter)
    .option(
      '--conference-id <id>',
      'with this conferenceId, or this roomName if they have no conferenceId',
      readFilter,
    )
    .option('--tags <tags>', 'with any of these tags, separated by commas', readFilter)
    .option('--on-hold-duration-gt <ms>', 'on hold for longer than this', readFilter)
    .option('--on-hold-duration-lt <ms>', 'on hold for less than this', readFilter)
    .action((options: ExportOptions) => exportInteractions(terminal, options))
}

/** @throws InvalidArgumentError for an empty option: unlike an empty search parameter, it is probably a mistake */
function readFilter(text: string): string {
  if (/^[\s,]*$/.test(text)) throw new InvalidArgumentError('It must not be empty.')
  return text
}

/** What `export` writes to, and how it describes itself. */
interface Destination {
  /** interactions that it holds already, and where to continue after them */
  readonly written: number
  readonly cursor: Cursor | undefined
  /** for example `to x.partial; run the command again to resume` */
  readonly unfinished: string
  open(): Promise<{ write(text: string): Promise<void>; flush(): Promise<void>; close(): Promise<void> }>
  /** Reports the end of a complete export. */
  finish(sentence: string): Promise<void>
}

async function exportInteractions(terminal: Terminal, { out, ...options }: ExportOptions): Promise<void> {
  const criteria = readOptions(options)
  const destination = out === '-' ? standardOutput(terminal) : await openFile(terminal, out, criteria)
  const signal = terminal.interruption()
  let { written } = destination
  const progressMessage = () => `exported ${formatCount(written)} interactions ${destination.unfinished}`
  await withDatabase(terminal, async (database, _log, { keepsTotals }) => {
    const repository = interactionRepository(database, { keepsTotals })
    const { total } = await repository.search(criteria, { page: 0, size: 1, sort: [] }).run()
    const output = await destination.open()
    const progress = showProgress(terminal, 'interactions', total, written)
    try {
      for await (const rows of repository.scan(criteria, { direction: 'asc', after: destination.cursor })) {
        await output.write(rows.map(toNdjson).join(''))
        written += rows.length
        progress.update(written)
        if (signal.aborted) throw new Interrupted(progressMessage())
      }
      await output.flush()
    } catch (error) {
      if (error instanceof Interrupted || error instanceof OutputClosed) throw error
      throw new Error(progressMessage(), { cause: error })
    } finally {
      progress.stop()
      await output.close()
    }
  })
  await destination.finish(`Exported ${formatCount(written)} interactions`)
}

/** Standard output has nothing to resume from. It is for the lines alone. */
function standardOutput({ write, screen }: Terminal): Destination {
  return {
    written: 0,
    cursor: undefined,
    unfinished: 'to standard output; the rest is missing',
    open: async () => ({ write, flush: async () => {}, close: async () => {} }),
    finish: async (sentence) => void screen.write(`${sentence}.\n`),
  }
}

async function openFile(terminal: Terminal, out: string, criteria: Criteria): Promise<Destination> {
  if (existsSync(out)) throw new Error(`${out} already exists: choose another --out, or delete the file`)
  // The name depends on the criteria, so that an export never continues the file of a different one.
  const digest = createHash('sha256').update(JSON.stringify(criteria)).digest('hex')
  const partial = `${out}.${digest.slice(0, 8)}.partial`
  return {
    ...(await resume(partial)),
    unfinished: `to ${partial}; run the command again to resume`,
    async open() {
      const file = await open(partial, 'a')
      return {
        write: (text) => file.appendFile(text),
        flush: () => file.sync(),
        close: () => file.close(),
      }
    },
    async finish(sentence) {
      await rename(partial, out)
      terminal.print(`${sentence} to ${out}.`)
    },
  }
}

const decodeParameters = compileObject(InteractionQuery)

/** Decodes the options like the search parameters of the same names. */
function readOptions({ organization, ...options }: Readonly<Record<string, string>>): Criteria {
  const parameters = new Map(Object.entries(options))
  if (organization !== undefined) parameters.set('organizationId', organization)
  const decoded = decodeParameters((name) => parameters.get(name))
  if (!('errors' in decoded)) return decoded.value
  const errors = Object.entries(decoded.errors).map(([name, error]) => `  ${toFlag(name)} ${error}`)
  throw new Error(`invalid options:\n${errors.join('\n')}`)
}

function toFlag(name: string): string {
  if (name === 'organizationId') return '--organization'
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** Truncates the partial file after its last complete line and returns where to continue. */
async function resume(partial: string): Promise<{ written: number; cursor: Cursor | undefined }> {
  if (!existsSync(partial)) return { written: 0, cursor: undefined }
  let written = 0
  let bytes = 0
  let last: Buffer = Buffer.alloc(0)
  for await (const line of readLines(createReadStream(partial))) {
    if (!line.isEnded) break
    written++
    bytes += line.bytes.length + 1
    last = line.bytes
  }
  await truncate(partial, bytes)
  return { written, cursor: written === 0 ? undefined : readCursor(last, partial) }
}

function readCursor(line: Buffer, partial: string): Cursor {
  try {
    const { createdAt, id } = JSON.parse(line.toString())
    return { createdAt, id }
  } catch (error) {
    throw new Error(`${partial} is damaged: delete it to start over`, { cause: error })
  }
}
