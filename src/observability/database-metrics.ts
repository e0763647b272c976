// Metrics of the database: whether it responds, the use of connections, and the size of batches.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Gauge, Histogram, type Registry } from 'prom-client'
import { batchSizes } from '../database/batches/batches.ts'
import type { Database } from '../database/database.ts'

/**
 * Registers the metrics. Batch sizes are those of the whole process.
 * @returns a function that stops measuring
 */
export function registerDatabaseMetrics(registry: Registry, database: Database): () => void {
  const registers = [registry]
  new Gauge({
    name: 'database_pool_connections',
    help: 'Connections by state: idle, or busy with a statement or transaction',
    labelNames: ['state'],
    registers,
    collect() {
      const { idle, busy } = database.poolUse()
      this.set({ state: 'idle' }, idle)
      this.set({ state: 'busy' }, busy)
    },
  })
  new Gauge({
    name: 'database_pool_limit',
    help: 'Maximum number of connections',
    registers,
    collect() {
      this.set(database.poolUse().limit)
    },
  })
  new Gauge({
    name: 'database_pool_waiting',
    help: 'Statements that wait for a connection',
    registers,
    collect() {
      this.set(database.poolUse().waiting)
    },
  })
  const sizes = new Histogram({
    name: 'database_batch_size',
    help: 'Number of reads, creates, updates or searches that share a statement',
    buckets: [1, 2, 4, 8, 16, 32, 64, 100],
    registers,
  })
  const observe = (message: unknown) => sizes.observe(Number(message))
  subscribe(batchSizes, observe)
  // last: the check takes a connection itself
  new Gauge({
    name: 'database_up',
    help: '1 if the database responds, else 0',
    registers,
    async collect() {
      this.set(
        await database.ping().then(
          () => 1,
          () => 0,
        ),
      )
    },
  })
  return () => void unsubscribe(batchSizes, observe)
}
