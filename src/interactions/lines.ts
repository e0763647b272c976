// Interactions line by line, as NDJSON and as CSV; both hold `data` exactly as it was given.
import type { IncomingHttpHeaders } from 'node:http'
import Negotiator from 'negotiator'
import { type InteractionRow, interactionJson, toIsoText } from './sql/rows.ts'

export interface LineFormat {
  readonly contentType: string
  /** what stands before the first line */
  readonly head: string
  /** one interaction, its line's end included */
  line(row: InteractionRow): string
}

const lineFormats = {
  'application/x-ndjson': { contentType: 'application/x-ndjson', head: '', line: toNdjson },
  'text/csv': {
    contentType: 'text/csv; charset=utf-8; header=present',
    head: 'id,organizationId,createdBy,createdAt,type,data,version\r\n',
    line: toCsv,
  },
} as const satisfies Record<string, LineFormat>

/** What a caller asks for by the header Accept (RFC 9110 §12.5.1); undefined: anything else, and so the page. */
export function wantedFormat(headers: IncomingHttpHeaders): LineFormat | undefined {
  const wanted = new Negotiator({ headers }).mediaType(['application/json', ...Object.keys(lineFormats)])
  return Object.entries(lineFormats).find(([mediaType]) => mediaType === wanted)?.[1]
}

/**
 * Writes batches of interactions, a text for each.
 * @returns once there is the first batch: what fails until then rejects, and can still be answered as an error
 */
export async function writeLines(
  { head, line }: LineFormat,
  batches: AsyncGenerator<readonly InteractionRow[]>,
): Promise<AsyncGenerator<string>> {
  const toText = (rows: readonly InteractionRow[]) => rows.map(line).join('')
  const first = await batches.next()
  return (async function* () {
    yield first.done === true ? head : head + toText(first.value)
    for await (const rows of batches) yield toText(rows)
  })()
}

/**
 * One JSON text and a line feed. Between the tokens of `data` there may be line breaks, which a line cannot hold: they
 * become spaces, and a further member `dataText` holds the text as it was given.
 */
export function toNdjson(row: InteractionRow): string {
  if (!/[\n\r]/.test(row.data)) return `${interactionJson(row)}\n`
  const oneLine = interactionJson({ ...row, data: withoutLineBreaks(row.data) })
  return `${oneLine.slice(0, -1)},"dataText":${JSON.stringify(row.data)}}\n`
}

/** The JSON text with spaces for line breaks, which can stand between tokens only. */
export function withoutLineBreaks(json: string): string {
  return json.replaceAll(/[\n\r]/g, ' ')
}

/**
 * A record as RFC 4180 has it. No text is altered, also where a spreadsheet would take it for a formula: an id with an
 * apostrophe put before it would be another id. A type that was never given is empty, without quotes.
 */
function toCsv(row: InteractionRow): string {
  const type = row.type === null ? '' : quote(row.type)
  const texts = [row.id, row.organization_id, row.created_by].map(quote).join(',')
  return `${texts},${toIsoText(row.created_at)},${type},${quote(row.data)},${row.version}\r\n`
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
