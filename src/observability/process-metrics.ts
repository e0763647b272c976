// Metrics of the process under prom-client's names: event loop, memory, CPU time.
//
// prom-client's own set also observes each garbage collection, which costs 4 % of the throughput of reads.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

/** Registers the metrics. @returns a function that stops measuring */
export function registerProcessMetrics(registry: Registry): () => void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  // the delay of a timer that fires 50 times a second is the time for which the loop was busy
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const lag = new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'Delay of timers since the last scrape',
    labelNames: ['percentile'],
    registers,
    collect() {
      const lateness = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - 0.02) || 0
      lag.set({ percentile: '50' }, lateness(delay.percentile(50)))
      lag.set({ percentile: '99' }, lateness(delay.percentile(99)))
      lag.set({ percentile: '100' }, lateness(delay.max))
      delay.reset()
    },
  })
  gauge(
    'nodejs_eventloop_utilization',
    'Share of time that the event loop was busy since the start, 0 to 1',
    () => performance.eventLoopUtilization().utilization,
  )
  gauge('process_resident_memory_bytes', 'Resident memory of the process', () => process.memoryUsage.rss())
  gauge('nodejs_heap_size_used_bytes', 'Used heap memory', () => process.memoryUsage().heapUsed)
  gauge('process_start_time_seconds', 'Start time of the process in seconds since 1970', () =>
    Math.round(performance.timeOrigin / 1000),
  )
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time of the process',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  return () => delay.disable()
}
