// What responses hold, by the names of the reimplemented document. The OpenAPI document describes them.
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { problemResponse, validationErrorResponse } from '../http/openapi/openapi.ts'
import { forbidden, Problem, unavailable, type ValidationErrors } from '../http/problem.ts'
import { Identifier } from '../types/identifier.ts'
import { JsonObject } from '../types/json-object.ts'
import type { Scope } from '../types/scope.ts'
import type { WriteOutcome } from './repository.ts'
import {
  CreateInteractionWebCommand,
  data,
  exampleId,
  exampleOrganization,
  text,
  UpdateInteractionWebCommand,
} from './schemas.ts'
import type { UpdateOutcome } from './sql/update.ts'

const version = (description: string) =>
  Type.Integer({ format: 'int64', minimum: 0, description, examples: [0] })

export const Interaction = Type.Object(
  {
    id: Identifier(text('The id of the interaction; unique across all organizations.', exampleId)),
    organizationId: Identifier(text('The organization of the interaction.', exampleOrganization)),
    createdBy: Identifier(text('The user or client that created it: the subject of its token.', 'agent-7')),
    createdAt: Type.String({
      format: 'date-time',
      ...text(
        'When it was created, by the clock of the database: UTC, milliseconds.',
        '2025-01-20T22:00:00.928Z',
      ),
    }),
    type: Type.Optional(Identifier(text('The type of interaction; absent when none was given.', 'video'))),
    data: JsonObject(data('The free-form data, exactly as it was given.')),
    version: version('The number of updates; see the update operation.'),
  },
  { $id: 'Interaction', description: 'The record of an interaction with a customer.' },
)

export const CreateInteractionResponse = Type.Object(
  {
    interactionId: Identifier(text('The id of the interaction.', exampleId)),
    version: version('Always 0: it has not been updated yet.'),
  },
  { $id: 'CreateInteractionResponse', description: 'The created interaction.' },
)

const int32 = (description: string, example: number) =>
  Type.Integer({ format: 'int32', minimum: 0, description, examples: [example] })
const int64 = (description: string, example: number) =>
  Type.Integer({ format: 'int64', minimum: 0, description, examples: [example] })
const flag = (description: string, example: boolean) => Type.Boolean({ description, examples: [example] })

export const SortObject = Type.Object(
  {
    empty: flag('Whether the request has no `sort`.', true),
    sorted: flag('Whether the request has a `sort`.', false),
    unsorted: flag('The same as `empty`.', true),
  },
  { $id: 'SortObject', description: 'Whether an order was requested.' },
)

const reference = <Schema extends TSchema>(schema: Schema) =>
  Type.Unsafe<Static<Schema>>(Type.Ref(`${schema.$id}#`))

export const PageableObject = Type.Object(
  {
    offset: int64('The number of interactions on the pages before.', 0),
    sort: reference(SortObject),
    pageSize: int32('The number of interactions on a full page.', 20),
    paged: flag('Always true.', true),
    pageNumber: int32('The number of this page, counted from 0.', 0),
    unpaged: flag('Always false.', false),
  },
  { $id: 'PageableObject', description: 'The requested page.' },
)

export const PageInteraction = Type.Object(
  {
    totalPages: int32('The number of pages.', 1),
    totalElements: int64('The exact number of matching interactions, on all pages.', 1),
    size: int32('The number of interactions on a full page.', 20),
    content: Type.Array(reference(Interaction), { description: 'The interactions on this page.' }),
    number: int32('The number of this page, counted from 0.', 0),
    sort: reference(SortObject),
    numberOfElements: int32('The number of interactions on this page.', 1),
    pageable: reference(PageableObject),
    first: flag('Whether this is the first page.', true),
    last: flag('Whether this is the last page.', true),
    empty: flag('Whether this page has no interactions.', false),
  },
  { $id: 'PageInteraction', description: 'A page of matching interactions.' },
)

/** The components of the OpenAPI document. */
export const interactionComponents: readonly TSchema[] = [
  Interaction,
  CreateInteractionWebCommand,
  CreateInteractionResponse,
  UpdateInteractionWebCommand,
  SortObject,
  PageableObject,
  PageInteraction,
]

export const unauthorized = problemResponse(
  'The token is missing or not accepted',
  'unauthorized',
  'A bearer token is required.',
)

export const forbiddenResponse = (sentence: string) =>
  problemResponse('The caller is not allowed to do this', 'forbidden', sentence)

export const otherOrganization = forbiddenResponse('The interaction belongs to another organization')

/** With RATE_LIMIT_PER_CLIENT only. */
export const tooManyRequests = {
  ...problemResponse(
    'The service limits the requests of a client in a second, and this client has sent more',
    'too_many_requests',
    'Too many requests of this client. Retry later.',
  ),
  headers: {
    'retry-after': Type.Integer({ description: 'Retry after this number of seconds.' }),
    ratelimit: Type.String({
      description: 'Remaining requests and seconds until there are more, such as `"client";r=0;t=1`.',
    }),
    'ratelimit-policy': Type.String({
      description: 'Requests in a number of seconds, such as `"client";q=100;w=1`.',
    }),
  },
} as const

export const missing = problemResponse(
  'There is no interaction with this id',
  'not_found',
  'There is no interaction with this id.',
)

export const preconditionFailed = problemResponse(
  'The version of the interaction does not meet the headers',
  'precondition_failed',
  'The interaction has been updated since.',
)

export const tooLarge = problemResponse(
  'The body is too large',
  'payload_too_large',
  'The body is larger than this service accepts.',
)

export const notJson = problemResponse(
  'The body is not JSON',
  'unsupported_media_type',
  'The body must be application/json.',
)

export const invalid = (example: ValidationErrors) =>
  validationErrorResponse('What is wrong with the request, by parameter, header or member', example)

export const entityTag = Type.String({
  description: 'The version in quotes, for If-Match and If-None-Match.',
  examples: ['"0"'],
})

/** What all operations have in common, and the scope that this one needs. */
export const operation = (scope: Scope) => ({
  tags: ['Interaction'],
  security: [{ BearerToken: [] }, { OAuth2ClientCredentials: [scope] }],
})

/** Returns the error response for an outcome of a read or an update. */
export function refusal(
  outcome: Exclude<WriteOutcome<UpdateOutcome>, 'updated'> | 'precondition failed',
): Problem {
  switch (outcome) {
    case 'missing':
      return new Problem('not_found', 'There is no interaction with this id.')
    case 'other organization':
      return forbidden('The interaction belongs to another organization')
    case 'stale':
      return new Problem('conflict', 'Version conflict: the interaction has been updated since.')
    case 'precondition failed':
      return new Problem('precondition_failed', 'The interaction has been updated since.')
    case 'unknown':
      return unavailable(
        'The connection to the database was lost, and the interaction has been updated since. Whether this update was applied is unknown.',
      )
  }
}
