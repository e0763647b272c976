// How far the totals have come, to be watched.
import { Gauge, type Registry } from 'prom-client'
import type { Database } from '../database/database.ts'
import { readState, type TotalsState } from '../totals/counting.ts'

/** Adds to the registry until when hours are sealed and counted; without a value while the database does not answer. */
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
    'The moment until which what changes in the number of interactions is noted, in seconds since 1970',
    ({ watermark }) => watermark,
  )
  gauge(
    'interaction_totals_counted_until_seconds',
    'The moment until which the totals are counted, in seconds since 1970; searches count what is later',
    ({ countedUntil }) => countedUntil,
  )
}

/** -Infinity is what Prometheus takes for `-infinity`. */
function toSeconds(moment: string): number {
  return moment === '-infinity' ? Number.NEGATIVE_INFINITY : Date.parse(moment) / 1000
}
