// The duration of requests by method, route and status.
import type { FastifyInstance } from 'fastify'
import { Histogram, type Registry } from 'prom-client'

/**
 * Measures every request from its arrival until its response starts. Requests of unknown paths share an empty route, so
 * that clients cannot create labels. Must be called before routes are registered.
 */
export function measureRequests(app: FastifyInstance, registry: Registry): void {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration from the arrival of a request to the start of its response. Unknown paths have an empty route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { method, routeOptions } = request
    const labels = { method, route: routeOptions.url ?? '', status: reply.statusCode }
    durations.observe(labels, reply.elapsedTime / 1000)
    done()
  })
}
