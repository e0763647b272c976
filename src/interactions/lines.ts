// Interactions line by line: NDJSON and CSV for streams and exports, NDJSON for imports. `data` stays exactly as given.
import type { IncomingHttpHeaders } from 'node:http'
import { Type } from '@sinclair/typebox'
import Negotiator from 'negotiator'
import type { ValidationErrors } from '../http/problem.ts'
import { compileObject, crossCheck } from '../http/validation.ts'
import { Decoded, type Given, InvalidValue } from '../types/decoded.ts'
import { Identifier } from '../types/identifier.ts'
import { parseInstant, toTimestamp } from '../types/instant.ts'
import { JsonObject } from '../types/json-object.ts'
import { JsonText, maximumDepth, maximumMembers, memberOf, parseJsonObject } from '../types/json-text.ts'
import type { StoredInteraction } from './sql/insert.ts'
import { type InteractionRow, interactionJson, toIsoText } from './sql/rows.ts'

export interface LineFormat {
  readonly contentType: string
  /** the text before the first line */
  readonly head: string
  /** Returns the line of an interaction with its end. */
  line(row: InteractionRow): string
}

const ndjson: LineFormat = { contentType: 'application/x-ndjson', head: '', line: toNdjson }
const csv: LineFormat = {
  contentType: 'text/csv; charset=utf-8; header=present',
  head: 'id,organizationId,createdBy,createdAt,type,data,version\r\n',
  line: toCsv,
}
const lineFormats = new Map([
  ['application/x-ndjson', ndjson],
  ['text/csv', csv],
])

/**
 * Returns the format that Accept prefers (RFC 9110 §12.5.1), if it names it as such: programs that accept anything, or any
 * text, get the page, as from the original.
 * @param query.bom whether a byte order mark precedes CSV, as spreadsheets need it; `text/csv; bom=true` asks for it too
 * @returns undefined: the page
 */
export function preferredFormat(
  headers: IncomingHttpHeaders,
  query: { readonly bom?: boolean | undefined },
): LineFormat | undefined {
  for (const accepted of new Negotiator({ headers }).mediaTypes()) {
    const mediaType = accepted.toLowerCase()
    if (/^(application|\*)\/(json|\*)$/.test(mediaType)) return undefined
    const format = lineFormats.get(mediaType)
    if (format === csv && (query.bom === true || csvWithBom.test(headers.accept ?? '')))
      return { ...csv, head: `\uFEFF${csv.head}` }
    if (format !== undefined) return format
  }
  return undefined
}

const csvWithBom = /(?:^|,)\s*text\/csv\s*(?:;[^,]*)?;\s*bom\s*=\s*"?true\b/i

/**
 * Writes batches of interactions, a text for each.
 * @returns after the first batch is read: an error before that rejects, and can still become an error response
 */
export async function writeLines(
  { head, line }: LineFormat,
  batches: AsyncGenerator<readonly InteractionRow[]>,
): Promise<AsyncGenerator<string>> {
  const toText = (rows: readonly InteractionRow[]) => rows.map(line).join('')
  const first = await batches.next()
  return (async function* () {
    try {
      yield first.done === true ? head : head + toText(first.value)
      for await (const rows of batches) yield toText(rows)
    } finally {
      // a reader may stop at the first text, before the loop that would end them
      await batches.return(undefined)
    }
  })()
}

/**
 * Returns a JSON text and a line feed. A line cannot contain the line breaks that `data` may have between its tokens:
 * they become spaces, and a further member `dataText` has the original text.
 */
export function toNdjson(row: InteractionRow): string {
  if (!/[\n\r]/.test(row.data)) return `${interactionJson(row)}\n`
  const oneLine = interactionJson({ ...row, data: withoutLineBreaks(row.data) })
  return `${oneLine.slice(0, -1)},"dataText":${JSON.stringify(row.data)}}\n`
}

/** Replaces line breaks by spaces; JSON has them between tokens only. */
function withoutLineBreaks(json: string): string {
  return json.replaceAll(/[\n\r]/g, ' ')
}

/**
 * Returns a record of RFC 4180. Texts that a spreadsheet would take for a formula are not altered: an id with an
 * apostrophe before it would be another id. A type that was never given is empty, without quotes.
 */
function toCsv(row: InteractionRow): string {
  const type = row.type === null ? '' : quote(row.type)
  const texts = [row.id, row.organization_id, row.created_by].map(quote).join(',')
  return `${texts},${toIsoText(row.created_at)},${type},${quote(row.data)},${row.version}\r\n`
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

/** Decodes to a PostgreSQL timestamp, which must have every digit that is given. */
const Timestamp = Decoded({ type: 'string', format: 'date-time' }, (given) => {
  const instant = typeof given === 'string' ? parseInstant(given) : undefined
  const timestamp = instant === undefined ? 'infinity' : toTimestamp(instant.milliseconds)
  if (instant?.nanoseconds === 0 && !timestamp.endsWith('infinity')) return timestamp
  throw new InvalidValue(
    'must be an ISO 8601 date-time with a zone, to the millisecond, of the years 1 to 9999',
  )
})

/** Decodes to a decimal number. */
const StoredVersion = Decoded({ type: 'integer', format: 'int64', minimum: 0 }, (given: Given) => {
  const text = given instanceof JsonText ? given.text : ''
  if (/^\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) >= 0n) return text
  throw new InvalidValue('must be a whole number of 64 bits, not below 0')
})

const AnyString = Decoded({ type: 'string' }, (given) => {
  if (typeof given === 'string') return given
  throw new InvalidValue('must be the text of data')
})

/** A line of an export. */
const Line = Type.Object(
  {
    id: Identifier({}),
    organizationId: Identifier({}),
    createdBy: Identifier({}),
    createdAt: Timestamp,
    type: Type.Optional(Identifier({})),
    data: JsonObject({}),
    dataText: Type.Optional(AnyString),
    version: StoredVersion,
  },
  { [crossCheck]: checkDataText },
)

function checkDataText({ data, dataText }: { readonly data?: string; readonly dataText?: string }) {
  const isOther = dataText !== undefined && data !== undefined && withoutLineBreaks(dataText) !== data
  return isOther ? { dataText: 'must be the text of data' } : undefined
}

const decodeLine = compileObject(Line)

/**
 * Reads a line of an export.
 * @param line UTF-8, without its end
 * @returns what is wrong with it when it cannot be stored as it is
 */
export function readLine(line: Buffer): StoredInteraction | { readonly errors: ValidationErrors } {
  const object = parseJsonObject(line)
  if (object === undefined) return { errors: { line: 'must be a JSON object' } }
  if (object === 'too many members')
    return { errors: { line: `must not have more than ${maximumMembers} members` } }
  if (object.depth > maximumDepth)
    return { errors: { line: `must not nest deeper than ${maximumDepth} levels` } }
  const unknown = [...object.members.keys()].filter((name) => !Object.hasOwn(Line.properties, name))
  const decoded = decodeLine((name) => memberOf(object, name))
  if ('errors' in decoded || unknown.length > 0) {
    const unknownErrors = unknown.map((name) => [name, 'is not a member of an interaction'])
    return {
      errors: { ...Object.fromEntries(unknownErrors), ...('errors' in decoded ? decoded.errors : {}) },
    }
  }
  const { type, data, dataText, ...rest } = decoded.value
  return { ...rest, type, data: dataText ?? data }
}
