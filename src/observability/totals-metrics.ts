// Metrics of the progress of the totals.
import { Gauge, type Registry } from 'prom-client'
import type { Database } from '../database/database.ts'
import { readState, type TotalsState } from '../totals/counting.ts'

/** Registers the metrics. They have no value while the database does not respond. */
export function registerTotalsMetrics(registry: Registry, database: Database): void {
  const gauge = (name: string, help: string, read: (state: TotalsState) => string) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.remove()
        const state = await readState(database).catch(() => undefined)
        if (state !== undefined) this.set(toSeconds(read(state)))
      },
    })
  gauge(
    'interaction_totals_sealed_until_seconds',
    'Watermark in seconds since 1970. Changes in the number of earlier interactions are recorded',
    ({ watermark }) => watermark,
  )
  gauge(
    'interaction_totals_counted_until_seconds',
    'Time until which totals are counted, in seconds since 1970. Searches count later interactions themselves',
    ({ countedUntil }) => countedUntil,
  )
}

/** Converts PostgreSQL's `-infinity` to -Infinity, which Prometheus accepts. */
function toSeconds(moment: string): number {
  return moment === '-infinity' ? Number.NEGATIVE_INFINITY : Date.parse(moment) / 1000
}
