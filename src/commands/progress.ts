// How far a long command has come.
import { SingleBar, type ValueFormatter } from 'cli-progress'
import type { Terminal } from './terminal.ts'

const format = '{bar} {percentage} % | {value} of {total} {unit} | {eta_formatted} left'

/**
 * Shows a bar where there is a terminal to show it on; elsewhere nothing.
 * @param total how many there are to do, in `unit`
 */
export function showProgress(
  { screen }: Pick<Terminal, 'screen'>,
  unit: string,
  total: number,
  done = 0,
): SingleBar {
  // signals are the command's to take
  const bar = new SingleBar({ stream: screen, format, formatValue, gracefulExit: false, etaBuffer: 100 })
  bar.start(total, done, { unit })
  return bar
}

const formatValue: ValueFormatter = (value, _options, type) =>
  type === 'value' || type === 'total' ? formatCount(value) : String(value)

/** A number for people, such as `1,000`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}
