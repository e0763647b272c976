// Liveness and readiness (contract §8). No token is needed.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { refuseOtherMethods } from '../http/errors.ts'
import { onlyGetResponse, retryableResponse } from '../http/openapi/openapi.ts'
import { Problem } from '../http/problem.ts'

/** @param isReady resolves when the database responds, and rejects otherwise */
export async function healthRoutes(app: FastifyInstance, { isReady }: { isReady: () => Promise<void> }) {
  app.get('/health/live', { schema: operations.live }, async () => ({ status: 'live' }))

  app.get('/health/ready', { schema: operations.ready }, async (request) => {
    try {
      await isReady()
    } catch (error) {
      request.log.warn({ err: error }, 'not ready')
      throw new Problem('unavailable', 'The database does not respond. Retry later.', { 'retry-after': '1' })
    }
    return { status: 'ready' }
  })
  for (const url of ['/health/live', '/health/ready']) refuseOtherMethods(app, url, ['GET'])
}

const status = (name: string, description: string) =>
  Type.Object({ status: Type.String({ examples: [name] }) }, { description })

const operations = {
  live: {
    operationId: 'getLiveness',
    summary: 'Check that the process is alive',
    tags: ['Operating'],
    security: [],
    response: { 200: status('live', 'The process is alive'), 405: onlyGetResponse },
  },
  ready: {
    operationId: 'getReadiness',
    summary: 'Check that the service can reach its database',
    tags: ['Operating'],
    security: [],
    response: {
      200: status('ready', 'The service is ready'),
      405: onlyGetResponse,
      503: retryableResponse(
        'The service is not ready',
        'unavailable',
        'The database does not respond. Retry later.',
      ),
    },
  },
} as const
