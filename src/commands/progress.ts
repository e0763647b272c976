// Progress bar of long commands.
import { SingleBar, type ValueFormatter } from 'cli-progress'
import type { Terminal } from './terminal.ts'

const format = '{bar} {percentage} % | {value} of {total} {unit} | {eta_formatted} left'

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
  const bar = new SingleBar({ stream: screen, format, formatValue, gracefulExit: false, etaBuffer: 100 })
  bar.start(total, done, { unit })
  return bar
}

const formatValue: ValueFormatter = (value, _options, type) =>
  type === 'value' || type === 'total' ? formatCount(value) : String(value)

/** Formats a number with thousands separators, such as `1,000`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}
