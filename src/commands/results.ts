// Results of commands: tables and sentences for people, JSON lines for programs. And how far a long command is.
import { SingleBar, type ValueFormatter } from 'cli-progress'
import stringWidth from 'string-width'
import type { Terminal } from './terminal.ts'

type Screen = Pick<Terminal, 'outputIsTerminal' | 'print'>

/** The option of commands that print something else on a terminal. */
export const jsonOption = ['--json', 'print JSON lines on a terminal too, as in files and pipes'] as const

/** The titles of the columns in order, and how a row fills them. `null` is shown as `-`. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => string | number | null>>

/** Prints rows as a table if standard output is a terminal, else as JSON lines: scripts rely on these. */
export function printRows<Row>(
  terminal: Screen,
  rows: readonly Row[],
  columns: Columns<Row>,
  json = !terminal.outputIsTerminal,
): void {
  const lines = json ? rows.map((row) => JSON.stringify(row)) : tableLines(rows, columns)
  for (const line of lines) terminal.print(line)
}

/** How to print a secret. */
export interface SecretOptions {
  readonly json?: true
  readonly secretOnly?: true
}

/**
 * Prints a client with its new secret: by itself, as JSON, or below a sentence if standard output is a terminal.
 * @param sentence without its end
 */
export function printSecret(
  terminal: Screen,
  client: Readonly<Record<string, unknown>> & { readonly clientSecret: string },
  sentence: string,
  { json, secretOnly }: SecretOptions,
): void {
  if (secretOnly) terminal.print(client.clientSecret)
  else if (json || !terminal.outputIsTerminal) terminal.print(JSON.stringify(client))
  else terminal.print(`${sentence}. This secret cannot be shown again:\n${client.clientSecret}`)
}

function tableLines<Row>(rows: readonly Row[], columns: Columns<Row>): string[] {
  const readers = Object.values(columns)
  const cells = [
    Object.keys(columns),
    ...rows.map((row) => readers.map((read) => withoutControls(String(read(row) ?? '-')))),
  ]
  const widths = readers.map((_, index) => Math.max(...cells.map((line) => stringWidth(line[index] ?? ''))))
  const pad = (cell: string, index: number) => cell + ' '.repeat((widths[index] ?? 0) - stringWidth(cell))
  return cells.map((line) => line.map(pad).join('  ').trimEnd())
}

/** Escapes characters that are not shown: ids may contain them, and a terminal may obey them. */
function withoutControls(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

const barFormat = '{bar} {percentage} % | {value} of {total} {unit} | {eta_formatted} left'

/**
 * Shows a progress bar if `screen` is a terminal.
 * @param total amount of work, in `unit`
 */
export function showProgress(
  { screen }: Pick<Terminal, 'screen'>,
  unit: string,
  total: number,
  done = 0,
): SingleBar {
  // gracefulExit would take over the signals that the command handles.
  const bar = new SingleBar({
    stream: screen,
    format: barFormat,
    formatValue,
    gracefulExit: false,
    etaBuffer: 100,
  })
  bar.start(total, done, { unit })
  return bar
}

const formatValue: ValueFormatter = (value, _options, type) =>
  type === 'value' || type === 'total' ? formatCount(value) : String(value)

/** Formats a number with thousands separators, such as `1,000`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}
