// How the tokens that were verified before are used, for Prometheus.
import { Counter, Gauge, type Registry } from 'prom-client'

/** Adds it to the registry. @returns where the lookups are counted, as plain numbers */
export function measureCallers(registry: Registry, callers: { readonly size: number }) {
  const uses = { hits: 0, misses: 0 }
  const registers = [registry]
  new Counter({
    name: 'token_cache_lookups_total',
    help: 'Bearer tokens that were looked for among those that were verified before; a miss is verified',
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
    help: 'How many verified tokens are remembered',
    registers,
    collect() {
      this.set(callers.size)
    },
  })
  return uses
}
