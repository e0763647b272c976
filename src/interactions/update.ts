// PUT /rtc-api/interactions/{interactionId} (contract §5)
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { isInScope, organizationScope } from '../auth/plugin.ts'
import { requireScope } from '../auth/scopes.ts'
import type { Admission } from '../http/admission.ts'
import { holderOf } from '../http/limits/holder.ts'
import { problemResponse, unavailableResponse } from '../http/openapi/openapi.ts'
import type { TypeBoxTypeProvider } from '../http/validation.ts'
import { EntityTags, type Preconditions, readPreconditions } from './preconditions.ts'
import type { InteractionRepository, WriteOutcome } from './repository.ts'
import {
  invalid,
  missing,
  notJson,
  operation,
  otherOrganization,
  preconditionFailed,
  refusal,
  tooLarge,
  tooManyRequests,
  unauthorized,
} from './responses.ts'
import { InteractionPath, UpdateInteractionWebCommand } from './schemas.ts'
import type { InteractionUpdate, UpdateOutcome } from './sql/update.ts'

const schema = {
  ...operation('interactions:write'),
  operationId: 'updateInteraction',
  summary: 'Update an interaction',
  description:
    'Replaces the type, the data, or both, and adds 1 to the version. When a version is given that is not the current one, nothing is changed: of several updates with the same version, one is applied.',
  params: InteractionPath,
  headers: Type.Object({
    'If-Match': Type.Optional(
      EntityTags({
        description:
          'Entity tags, such as `"3"`, or `*`: when the current one is not among them, the response is 412 and nothing is changed. It compares the same as `version`; when both are given, both must match.',
      }),
    ),
    'If-None-Match': Type.Optional(
      EntityTags({
        description: 'Entity tags: when the current one is among them, the response is 412.',
      }),
    ),
  }),
  body: UpdateInteractionWebCommand,
  response: {
    204: Type.Null({ description: 'Updated' }),
    400: invalid({ version: 'must be a whole number of 64 bits' }),
    401: unauthorized,
    403: otherOrganization,
    404: missing,
    409: problemResponse(
      'The version of the interaction is not the given one',
      'conflict',
      'Version conflict: the interaction has been updated since.',
    ),
    412: preconditionFailed,
    413: tooLarge,
    415: notJson,
    429: tooManyRequests,
    503: unavailableResponse,
  },
} as const

interface UpdateOptions {
  readonly repository: Pick<InteractionRepository, 'find' | 'update'>
  readonly admit: Admission
}

export function updateRoute(app: FastifyInstance, { repository, admit }: UpdateOptions): void {
  const options = { schema, onRequest: requireScope('interactions:write') }
  app
    .withTypeProvider<TypeBoxTypeProvider>()
    .put('/interactions/:interactionId', options, async (request, reply) => {
      const { caller, params, body, headers } = request
      const preconditions = readPreconditions(headers)
      const holder = holderOf(request)
      const update = {
        id: params.interactionId,
        organizationId: organizationScope(caller),
        type: body.type,
        data: body.data,
        version: body.version,
      }
      const outcome = await admit(holder, () =>
        preconditions === undefined
          ? repository.update(update, holder)
          : updateIf(preconditions, update, holder, repository),
      )
      if (outcome !== 'updated') throw refusal(outcome)
      return reply.code(204).send()
    })
}

/**
 * Updates an interaction if its version meets the preconditions, and then if it is the given one. The version that was
 * compared is the one that is overwritten: when another write comes between, the row is read again.
 */
async function updateIf(
  { onlyVersion, ifMatch, ifNoneMatch }: Preconditions,
  update: InteractionUpdate,
  holder: string,
  repository: UpdateOptions['repository'],
): Promise<WriteOutcome<UpdateOutcome> | 'precondition failed'> {
  if (onlyVersion !== undefined && (update.version ?? onlyVersion) === onlyVersion) {
    const outcome = await repository.update({ ...update, version: onlyVersion }, holder)
    return outcome === 'stale' ? 'precondition failed' : outcome
  }
  for (;;) {
    const row = await repository.find(update.id, update.organizationId, holder)
    if (row === undefined) return 'missing'
    if (!isInScope(row.organization_id, update.organizationId)) return 'other organization'
    if (!ifMatch(row.version) || !ifNoneMatch(row.version)) return 'precondition failed'
    const version = BigInt(row.version)
    if (version !== (update.version ?? version)) return 'stale'
    const outcome = await repository.update({ ...update, version }, holder)
    if (outcome !== 'stale') return outcome
  }
}
