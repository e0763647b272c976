// The use of the database, to be watched.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Gauge, Histogram, type Registry } from 'prom-client'
import { batchSizes } from '../database/batches.ts'
import type { Database } from '../database/database.ts'

/**
 * Adds to the registry whether the database answers, how its connections are used, and how many calls share a
 * statement, in all of the process.
 * @returns a function that stops measuring
 */
export function registerDatabaseMetrics(registry: Registry, database: Database): () => void {
  const registers = [registry]
  new Gauge({
    name: 'database_pool_connections',
    help: 'Connections by what they do: idle, or busy with a statement or transaction',
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
    help: 'How many connections there may be',
    registers,
    collect() {
      this.set(database.poolUse().limit)
    },
  })
  new Gauge({
    name: 'database_pool_waiting',
    help: 'How many statements wait for a connection',
    registers,
    collect() {
      this.set(database.poolUse().waiting)
    },
  })
  const sizes = new Histogram({
    name: 'database_batch_size',
    help: 'How many reads, creations or updates share a statement',
    buckets: [1, 2, 4, 8, 16, 32, 64, 100],
    registers,
  })
  const observe = (message: unknown) => sizes.observe(Number(message))
  subscribe(batchSizes, observe)
  // last, as asking takes a connection itself
  new Gauge({
    name: 'database_up',
    help: 'Whether the database answers: 1 or 0',
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
