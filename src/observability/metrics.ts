// The endpoint for Prometheus. It needs no token.
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { refuseOtherMethods } from '../http/errors.ts'

export async function metricsRoutes(app: FastifyInstance, { registry }: { readonly registry: Registry }) {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  refuseOtherMethods(app, '/metrics', ['GET'])
}
