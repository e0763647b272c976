// The process, to be watched: its event loop, memory and processor time, by the names that prom-client gives them.
//
// prom-client's own set watches each collection of garbage as well, which takes 4 % of the throughput of reads.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

/** Adds them to the registry. @returns a function that stops measuring */
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
  // a timer that is late tells for how long the loop was busy; each turns up 50 times a second
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const lag = new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'By how much timers were late since the last time this was read',
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
    'Which part of its time the event loop has been busy since the start',
    () => performance.eventLoopUtilization().utilization,
  )
  gauge('process_resident_memory_bytes', 'Memory that the process has', () => process.memoryUsage.rss())
  gauge('nodejs_heap_size_used_bytes', 'Memory that JavaScript uses', () => process.memoryUsage().heapUsed)
  gauge('process_start_time_seconds', 'When the process was started, in seconds since 1970', () =>
    Math.round(performance.timeOrigin / 1000),
  )
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time that the process has taken',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  return () => delay.disable()
}
