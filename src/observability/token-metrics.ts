// Metrics of the cache of verified tokens.
import { Counter, Gauge, type Registry } from 'prom-client'

/** Registers the metrics. @returns the counts of lookups, for the caller to increment */
export function measureCallers(registry: Registry, callers: { readonly size: number }) {
  const uses = { hits: 0, misses: 0 }
  const registers = [registry]
  new Counter({
    name: 'token_cache_lookups_total',
    help: 'Lookups of bearer tokens in the cache of verified tokens. A miss is verified',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      this.inc({ result: 'hit' }, uses.hits)
      this.inc({ result: 'miss' }, uses.misses)
    },
  })
  new Gauge({
    name: 'token_cache_size',
    help: 'Number of verified tokens in the cache',
    registers,
    collect() {
      this.set(callers.size)
    },
  })
  return uses
}
