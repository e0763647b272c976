// GET /rtc-api/interactions/{interactionId} (contract §4)
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { isInScope, organizationScope } from '../auth/plugin.ts'
import { requireScope } from '../auth/scopes.ts'
import type { Admission } from '../http/admission.ts'
import { holderOf } from '../http/limits/holder.ts'
import { componentResponse, unavailableResponse } from '../http/openapi/openapi.ts'
import type { TypeBoxTypeProvider } from '../http/validation.ts'
import { EntityTags, readPreconditions, toEntityTag } from './preconditions.ts'
import type { InteractionRepository } from './repository.ts'
import {
  entityTag,
  Interaction,
  invalid,
  missing,
  operation,
  otherOrganization,
  preconditionFailed,
  refusal,
  tooManyRequests,
  unauthorized,
} from './responses.ts'
import { InteractionPath } from './schemas.ts'
import { interactionJson } from './sql/rows.ts'

const schema = {
  ...operation('interactions:read'),
  operationId: 'getInteraction',
  summary: 'Read an interaction',
  description:
    'Callers of an organization read its interactions only; callers of the SERVICE role read any interaction.',
  params: InteractionPath,
  headers: Type.Object({
    'If-None-Match': Type.Optional(
      EntityTags({
        description:
          'Entity tags that you have, such as `"3"`: when one of them is the current one, the response is 304.',
      }),
    ),
    'If-Match': Type.Optional(
      EntityTags({
        description: 'Entity tags: when the current one is not among them, the response is 412.',
      }),
    ),
  }),
  response: {
    200: { ...componentResponse('The interaction', Interaction), headers: { etag: entityTag } },
    304: Type.Null({ description: 'If-None-Match names the current version' }),
    400: invalid({ interactionId: 'must not contain NUL or half of a surrogate pair' }),
    401: unauthorized,
    403: otherOrganization,
    404: missing,
    412: preconditionFailed,
    429: tooManyRequests,
    503: unavailableResponse,
  },
} as const

interface ReadOptions {
  readonly repository: Pick<InteractionRepository, 'find'>
  readonly admit: Admission
}

export function readRoute(app: FastifyInstance, { repository, admit }: ReadOptions): void {
  const options = { schema, onRequest: requireScope('interactions:read') }
  app
    .withTypeProvider<TypeBoxTypeProvider>()
    .get('/interactions/:interactionId', options, async (request, reply) => {
      const { caller, params, headers } = request
      const preconditions = readPreconditions(headers)
      const [scope, holder] = [organizationScope(caller), holderOf(request)]
      const row = await admit(holder, () => repository.find(params.interactionId, scope, holder))
      if (row === undefined) throw refusal('missing')
      if (row.data === null || !isInScope(row.organization_id, scope)) throw refusal('other organization')
      if (preconditions?.ifMatch(row.version) === false) throw refusal('precondition failed')
      reply.header('etag', toEntityTag(row.version))
      if (preconditions?.ifNoneMatch(row.version) === false) return reply.code(304).send()
      return reply.type('application/json').send(interactionJson(row))
    })
}
