// Whether the process lives, and whether it can serve (contract §8). No token needed.
import type { FastifyInstance } from 'fastify'
import { Problem } from '../problem.ts'
import { refuseOtherMethods } from './errors.ts'

/** @param isReady resolves when the database answers, and rejects when it does not */
export async function healthRoutes(app: FastifyInstance, { isReady }: { isReady: () => Promise<void> }) {
  app.get('/health/live', { schema: { hide: true } }, async () => ({ status: 'live' }))

  app.get('/health/ready', { schema: { hide: true } }, async (request) => {
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
