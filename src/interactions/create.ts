// POST /rtc-api/interactions (contract §3)
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, preValidationHookHandler } from 'fastify'
import { v7 as makeId } from 'uuid'
import { organizationScope } from '../auth/plugin.ts'
import { requireScope } from '../auth/scopes.ts'
import type { Admission } from '../http/admission.ts'
import { holderOf } from '../http/limits/holder.ts'
import { componentResponse, problemResponse, unavailableResponse } from '../http/openapi/openapi.ts'
import { InvalidRequest, Problem, unavailable } from '../http/problem.ts'
import { compileBody, type TypeBoxTypeProvider } from '../http/validation.ts'
import { identifierError } from '../types/identifier.ts'
import { JsonMembers, JsonText, memberOf } from '../types/json-text.ts'
import { IdempotencyKeyHeader, parseIdempotencyKey, toIdempotencyKey } from './idempotency-key.ts'
import { toEntityTag } from './preconditions.ts'
import type { InteractionRepository } from './repository.ts'
import {
  CreateInteractionResponse,
  entityTag,
  forbiddenResponse,
  invalid,
  notJson,
  operation,
  tooLarge,
  tooManyRequests,
  unauthorized,
} from './responses.ts'
import { CreateInteractionWebCommand } from './schemas.ts'
import type { NewInteraction } from './sql/insert.ts'

const schema = {
  ...operation('interactions:write'),
  operationId: 'createInteraction',
  summary: 'Create an interaction',
  description:
    'Stores a new interaction with version 0. Callers of an organization create in their own, whatever the body says; callers of the SERVICE role must name the organization.',
  headers: Type.Object({
    'Idempotency-Key': Type.Optional(
      IdempotencyKeyHeader({
        description:
          'A string of your own, such as a UUID, of 1 to 255 characters. It makes a creation without `interactionId` safe to repeat: within 24 hours the same key with the same body returns the same response, and nothing more is created. With another body it is refused. Each user of each organization has its own keys.',
      }),
    ),
  }),
  body: CreateInteractionWebCommand,
  response: {
    200: {
      ...componentResponse('Created', CreateInteractionResponse),
      headers: {
        location: Type.String({ description: 'The path of the interaction on this server.' }),
        etag: entityTag,
      },
    },
    400: invalid({ organizationId: 'is required for callers of the SERVICE role' }),
    401: unauthorized,
    403: forbiddenResponse('The token must have an organization or the role SERVICE.'),
    409: problemResponse(
      'An interaction with this id exists, in any organization',
      'conflict',
      'An interaction with this id exists.',
    ),
    413: tooLarge,
    415: notJson,
    422: problemResponse(
      'The Idempotency-Key was used for another creation',
      'idempotency_key_reused',
      'The Idempotency-Key was used for another creation.',
    ),
    429: tooManyRequests,
    503: unavailableResponse,
  },
} as const

interface CreateOptions {
  readonly repository: Pick<InteractionRepository, 'create' | 'createOnce'>
  readonly admit: Admission
}

export function createRoute(app: FastifyInstance, { repository, admit }: CreateOptions): void {
  const options = {
    schema,
    onRequest: requireScope('interactions:write'),
    preValidation: requireOrganization,
  }
  app.withTypeProvider<TypeBoxTypeProvider>().post('/interactions', options, async (request, reply) => {
    const { caller, body } = request
    const holder = holderOf(request)
    const interaction = {
      id: body.interactionId ?? makeId(),
      organizationId: organizationScope(caller) ?? body.organizationId ?? '',
      createdBy: caller.userId,
      type: body.type,
      data: body.data ?? '{}',
    }
    // an id of the caller's own makes the creation safe to repeat without a key
    const header = body.interactionId === undefined ? request.headers['idempotency-key'] : undefined
    const key = header === undefined ? undefined : parseIdempotencyKey(header)
    const id = await admit(holder, () =>
      key === undefined
        ? create(repository, interaction, holder)
        : createOnce(repository, { ...interaction, ...toIdempotencyKey(caller, key, interaction) }, holder),
    )
    reply.header('location', `/rtc-api/interactions/${encodeURIComponent(id)}`)
    reply.header('etag', toEntityTag('0'))
    return { interactionId: id, version: 0 }
  })
}

const decodeBody = compileBody(CreateInteractionWebCommand)

/** Requires an organization in the body of a SERVICE, and reports its lack along with all other errors of the body. */
const requireOrganization: preValidationHookHandler = ({ caller, body }, _reply, done) => {
  if (organizationScope(caller) !== undefined || !(body instanceof JsonMembers)) return done()
  const given = memberOf(body, 'organizationId')
  const error =
    given === undefined
      ? 'is required for callers of the SERVICE role'
      : identifierError(given instanceof JsonText ? given.text : given)
  if (error === undefined) return done()
  const decoded = decodeBody(body)
  done(new InvalidRequest({ organizationId: error, ...('errors' in decoded ? decoded.errors : {}) }))
}

async function create(
  repository: CreateOptions['repository'],
  interaction: NewInteraction,
  holder: string,
): Promise<string> {
  switch (await repository.create(interaction, holder)) {
    case 'created':
      return interaction.id
    case 'duplicate':
      throw new Problem('conflict', 'An interaction with this id exists.')
    case 'unknown':
      throw unavailable(
        'The connection to the database was lost, and the interaction has been updated since. Whether it was created by this request is unknown.',
      )
  }
}

async function createOnce(
  repository: CreateOptions['repository'],
  interaction: Parameters<InteractionRepository['createOnce']>[0],
  holder: string,
): Promise<string> {
  const id = await repository.createOnce(interaction, holder)
  if (id !== undefined) return id
  throw new Problem('idempotency_key_reused', 'The Idempotency-Key was used for another creation.')
}
