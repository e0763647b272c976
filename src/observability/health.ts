// Liveness and readiness (contract §8). No token is needed.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../database/database.ts'
import { ReadOnlyError } from '../database/sqlstate.ts'
import { refuseOtherMethods } from '../http/errors.ts'
import { onlyGetResponse, retryableResponse, validationErrorResponse } from '../http/openapi/openapi.ts'
import { unavailable } from '../http/problem.ts'
import type { TypeBoxTypeProvider } from '../http/validation.ts'
import { Decoded, InvalidValue, toText } from '../types/decoded.ts'

/** @param ping resolves when the database responds, and rejects otherwise */
export async function healthRoutes(app: FastifyInstance, { ping }: Pick<Database, 'ping'>) {
  app.get('/health/live', { schema: operations.live }, async () => ({ status: 'live' }))

  app
    .withTypeProvider<TypeBoxTypeProvider>()
    .get('/health/ready', { schema: operations.ready }, async (request) => {
      const { isReadOnly } = await ping().catch((error: unknown) => {
        request.log.warn({ err: error }, 'not ready')
        throw unavailable('The database does not respond. Retry later.')
      })
      if (isReadOnly && request.query.for === 'writes') throw new ReadOnlyError()
      return { status: 'ready' }
    })
  for (const url of ['/health/live', '/health/ready']) refuseOtherMethods(app, url, ['GET'])
}

const status = (name: string, description: string) =>
  Type.Object({ status: Type.String({ examples: [name] }) }, { description })

const Writes = Decoded(
  { type: 'string', enum: ['writes'], description: '`writes`: whether the server takes writes as well.' },
  (given) => {
    const text = toText(given)
    if (text !== 'writes') throw new InvalidValue('must be writes')
    return text
  },
)

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
    description:
      'With `for=writes` a server whose database is a standby, or read-only, is not ready: it serves reads and tokens alone.',
    tags: ['Operating'],
    security: [],
    querystring: Type.Object({ for: Type.Optional(Writes) }),
    response: {
      200: status('ready', 'The service is ready'),
      400: validationErrorResponse('Another value of `for`', { for: 'must be writes' }),
      405: onlyGetResponse,
      503: retryableResponse(
        'The service is not ready',
        'unavailable',
        'The database does not respond. Retry later.',
      ),
    },
  },
} as const
