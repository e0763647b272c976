// Medians over the rounds, as a Markdown table.
import type { Measurement } from '../load/measure.ts'

export type Result = Measurement & { readonly ratio: number | undefined }

/** Returns the round of median throughput for each operation and target, with its ratio to the baseline's. */
export function medians(measurements: readonly Measurement[]): Result[] {
  const groups = new Map<string, Measurement[]>()
  for (const one of measurements) {
    const key = `${one.operation} ${one.target}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  const middle = [...groups.values()].map((group) => {
    const sorted = group.toSorted((a, b) => a.requestsPerSecond - b.requestsPerSecond)
    const median = sorted[Math.floor(sorted.length / 2)]
    if (median === undefined) throw new Error('There is no measurement.')
    return { ...median, errors: group.reduce((sum, { errors }) => sum + errors, 0) }
  })
  return middle.map((one) => {
    const baseline = middle.find(
      ({ target, operation }) => target === 'baseline' && operation === one.operation,
    )
    return { ...one, ratio: baseline && one.requestsPerSecond / baseline.requestsPerSecond }
  })
}

/** The ratio is infinite when the baseline completed no request in its time. */
function ratioText(ratio: number | undefined): string {
  if (ratio === undefined) return ''
  return Number.isFinite(ratio) ? ratio.toFixed(ratio < 10 ? 2 : 0) : '∞'
}

/** Returns a Markdown table with a row for each operation and target. */
export function table(results: readonly Result[]): string {
  const head = [
    'operation',
    'target',
    'req/s',
    '× baseline',
    'p50 ms',
    'p99 ms',
    'CPU µs server + database',
    'peak MB',
    'errors',
  ]
  const rows = results.map((one) => [
    one.operation,
    one.target,
    one.requestsPerSecond < 100 ? one.requestsPerSecond.toFixed(1) : Math.round(one.requestsPerSecond),
    ratioText(one.ratio),
    one.p50,
    one.p99,
    `${Math.round(one.serverMicroseconds)} + ${Math.round(one.databaseMicroseconds)}`,
    Math.round(one.peakMegabytes),
    one.errors,
  ])
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
