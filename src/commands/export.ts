// `export`: writes what matches into a file, going on where it was cut.
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
import { formatCount, showProgress } from './progress.ts'
import { Interrupted, type Terminal, withDatabase } from './terminal.ts'

type ExportOptions = Readonly<Record<string, string>> & { readonly out: string }

export function addExportCommand(program: Command, terminal: Terminal): void {
  program
    .command('export')
    .description('write interactions into a file, the oldest first; interrupted, run it again to go on')
    .requiredOption('--start <date-time>', 'created then or later; with a zone')
    .requiredOption('--end <date-time>', 'created then or earlier; with a zone')
    .requiredOption('--out <file>', 'NDJSON, an interaction a line; it must not exist')
    .option('--organization <id>', 'of this organization alone', readIdentifier)
    .option('--type <types>', 'of any of these, separated by commas', readFilter)
    .option('--user-id <id>', 'created by that user', readFilter)
    .option(
      '--recording <words>',
      'with all of media, no_media, cobrowse, no_cobrowse that are given',
      readFilter,
    )
    .option('--customer-id <id>', 'with that customerId', readFilter)
    .option('--conference-id <id>', 'with that conferenceId, or without one that roomName', readFilter)
    .option('--tags <tags>', 'with any of these, separated by commas', readFilter)
    .option('--on-hold-duration-gt <ms>', 'on hold for longer', readFilter)
    .option('--on-hold-duration-lt <ms>', 'on hold for shorter', readFilter)
    .action((options: ExportOptions) => exportToFile(terminal, options))
}

/** An empty parameter of a search does not narrow it; an empty option is a mistake. */
function readFilter(text: string): string {
  if (/^[\s,]*$/.test(text)) throw new InvalidArgumentError('It must not be empty.')
  return text
}

async function exportToFile(terminal: Terminal, { out, ...options }: ExportOptions): Promise<void> {
  const criteria = readOptions(options)
  if (existsSync(out)) throw new Error(`${out} is there already: choose another --out, or remove it`)
  const signal = terminal.interruption()
  // by another name for other criteria, so that no file is a mixture
  const digest = createHash('sha256').update(JSON.stringify(criteria)).digest('hex')
  const partial = `${out}.${digest.slice(0, 8)}.partial`
  let { written, cursor } = await resume(partial)
  const howFar = () => `${formatCount(written)} interactions are in ${partial}; run it again to go on`
  await withDatabase(terminal, async (database) => {
    const repository = interactionRepository(database, { keepsTotals: true })
    const { total } = await repository.search(criteria, { page: 0, size: 1, sort: [] }).run()
    const file = await open(partial, 'a')
    const progress = showProgress(terminal, 'interactions', total, written)
    try {
      for await (const rows of repository.scan(criteria, { direction: 'asc', after: cursor })) {
        await file.appendFile(rows.map(toNdjson).join(''))
        written += rows.length
        progress.update(written)
        if (signal.aborted) throw new Interrupted(howFar())
      }
      await file.sync()
    } catch (error) {
      throw error instanceof Interrupted ? error : new Error(howFar(), { cause: error })
    } finally {
      progress.stop()
      await file.close()
    }
  })
  await rename(partial, out)
  terminal.print(`${formatCount(written)} interactions are in ${out}.`)
}

const decodeParameters = compileObject(InteractionQuery)

/** Reads the options as the parameters of a search, which have the same names. */
function readOptions({ organization, ...options }: Readonly<Record<string, string>>): Criteria {
  const parameters = new Map(Object.entries(options))
  if (organization !== undefined) parameters.set('organizationId', organization)
  const decoded = decodeParameters((name) => parameters.get(name))
  if (!('errors' in decoded)) return decoded.value
  const errors = Object.entries(decoded.errors).map(([name, error]) => `  ${toFlag(name)} ${error}`)
  throw new Error(`wrong options:\n${errors.join('\n')}`)
}

function toFlag(name: string): string {
  if (name === 'organizationId') return '--organization'
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** Takes away what was cut within a line. */
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
    throw new Error(`${partial} is damaged: remove it to begin anew`, { cause: error })
  }
}
