// Whether the process lives, and whether it can serve (contract §8). No token needed.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { refuseOtherMethods } from '../http/errors.ts'
import { onlyGetResponse, retryableResponse } from '../http/openapi/openapi.ts'
import { Problem } from '../http/problem.ts'

/** @param isReady resolves when the database answers, and rejects when it does not */
export async function healthRoutes(app: FastifyInstance, { isReady }: { isReady: () => Promise<void> }) {
  app.get('/health/live', { schema: operations.live }, async () => ({ status: 'live' }))

  app.get('/health/ready', { schema: operations.ready }, async (request) => {
    try {
      await isReady()
    } catch (error) {
      request.log.warn({ err: error }, 'not ready')
      throw new Problem('unavailable', 'The database does not answer.', { 'retry-after': '1' })
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
    summary: 'Whether the process lives',
    tags: ['Operating'],
    security: [],
    response: { 200: status('live', 'It does'), 405: onlyGetResponse },
  },
  ready: {
    operationId: 'getReadiness',
    summary: 'Whether the service can serve: its database answers',
    tags: ['Operating'],
    security: [],
    response: {
      200: status('ready', 'It can'),
      405: onlyGetResponse,
      503: retryableResponse('It cannot', 'unavailable', 'The database does not answer.'),
    },
  },
} as const
