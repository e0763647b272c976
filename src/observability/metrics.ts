// The endpoint for Prometheus. It needs no token.
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { refuseOtherMethods } from '../http/errors.ts'

export interface MetricsOptions {
  readonly registry: Registry
  /** Returns the metrics of requests in the same format. */
  readonly requests: () => string
}

export async function metricsRoutes(app: FastifyInstance, { registry, requests }: MetricsOptions) {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    reply.type(registry.contentType)
    return `${await registry.metrics()}${requests()}`
  })
  refuseOtherMethods(app, '/metrics', ['GET'])
}
