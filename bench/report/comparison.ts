// Summarizes paired measurements of two checkouts: the ratio of each pair first, then the median of the ratios, so that
// changes of the machine's speed between rounds cancel out.
import type { Total } from '../load/measure.ts'

/** One value of this checkout and one of the other, taken one directly after the other */
export interface Pair<Value> {
  readonly own: Value
  readonly other: Value
}

/** The turns of a round, added up */
export interface MeasuredPair extends Pair<Total> {
  readonly round: number
}

/** Medians over the pairs */
export interface Comparison extends Pair<number> {
  /** of own / other */
  readonly ratio: number
  readonly lowest: number
  readonly highest: number
}

export interface OperationComparison {
  readonly operation: string
  readonly requestsPerSecond: Comparison
  /** CPU time per request, in microseconds */
  readonly server: Comparison
  readonly database: Comparison
  readonly errors: Pair<number>
}

export interface Summary {
  readonly operations: readonly OperationComparison[]
  /** milliseconds from the start of the process to its first response */
  readonly start: Comparison
  /** megabytes, at the end of each round */
  readonly memory: Comparison
}

export function summarize(pairs: readonly MeasuredPair[], starts: readonly Pair<number>[]): Summary {
  const names = [...new Set(pairs.map(({ own }) => own.operation))]
  const rounds = [...new Set(pairs.map(({ round }) => round))]
  const operations = names.map((operation) => {
    const measured = pairs.filter(({ own }) => own.operation === operation)
    return {
      operation,
      requestsPerSecond: compare(measured.map(valuesOf('requestsPerSecond'))),
      server: compare(measured.map(valuesOf('serverMicroseconds'))),
      database: compare(measured.map(valuesOf('databaseMicroseconds'))),
      errors: {
        own: measured.reduce((sum, { own }) => sum + own.errors, 0),
        other: measured.reduce((sum, { other }) => sum + other.errors, 0),
      },
    }
  })
  const peaks = rounds.map((round) => {
    const values = pairs.filter((pair) => pair.round === round).map(valuesOf('peakMegabytes'))
    return {
      own: Math.max(...values.map(({ own }) => own)),
      other: Math.max(...values.map(({ other }) => other)),
    }
  })
  return { operations, start: compare(starts), memory: compare(peaks) }
}

type Figure = 'requestsPerSecond' | 'serverMicroseconds' | 'databaseMicroseconds' | 'peakMegabytes'

function valuesOf(figure: Figure) {
  return ({ own, other }: MeasuredPair): Pair<number> => ({ own: own[figure], other: other[figure] })
}

function compare(pairs: readonly Pair<number>[]): Comparison {
  const ratios = pairs.map(({ own, other }) => own / other)
  return {
    own: median(pairs.map(({ own }) => own)),
    other: median(pairs.map(({ other }) => other)),
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}

/** Returns a Markdown table with a row for each operation, and lines for start and memory. */
export function comparisonTable({ operations, start, memory }: Summary): string {
  const head = ['operation', 'requests/s', 'CPU µs server', 'CPU µs database', 'errors']
  const rows = operations.map(({ operation, requestsPerSecond, server, database, errors }) => [
    operation,
    text(requestsPerSecond),
    text(server),
    text(database),
    `${errors.own} / ${errors.other}`,
  ])
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return [
    'this / other = median of the paired ratios (lowest to highest)',
    '',
    ...table,
    '',
    `start, ms: ${text(start)}`,
    `peak memory, MB: ${text(memory)}`,
  ].join('\n')
}

function text({ own, other, ratio, lowest, highest }: Comparison): string {
  const range = `${lowest.toFixed(2)} to ${highest.toFixed(2)}`
  return `${Math.round(own)} / ${Math.round(other)} = **${ratio.toFixed(3)}** (${range})`
}

/** What this checkout may cost at most, as a ratio to the other; throughput is a minimum. */
const limits = { requestsPerSecond: 0.95, cpu: 1.03, start: 1.1, memory: 1 }

/** Returns a sentence for each figure that is outside the limits. */
export function findRegressions({ operations, start, memory }: Summary): string[] {
  const atMost = (name: string, { ratio }: Comparison, limit: number) =>
    ratio > limit ? [`${name}: ${ratio.toFixed(3)}, at most ${limit}`] : []
  return [
    ...operations.flatMap(({ operation, requestsPerSecond: { ratio }, server, database, errors }) => [
      ...(ratio < limits.requestsPerSecond
        ? [`${operation}, requests/s: ${ratio.toFixed(3)}, at least ${limits.requestsPerSecond}`]
        : []),
      ...atMost(`${operation}, CPU of the server`, server, limits.cpu),
      ...atMost(`${operation}, CPU of the database`, database, limits.cpu),
      ...(errors.own > errors.other
        ? [`${operation}, errors: ${errors.own}, the other: ${errors.other}`]
        : []),
    ]),
    ...atMost('start', start, limits.start),
    ...atMost('peak memory', memory, limits.memory),
  ]
}
