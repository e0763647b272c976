// What each operation takes and answers, for the OpenAPI document.
import { Type } from '@sinclair/typebox'
import {
  componentResponse,
  problemResponse,
  unavailableResponse as unavailable,
  validationErrorResponse,
} from '../http/openapi/openapi.ts'
import type { Faults } from '../http/problem.ts'
import {
  CreationHeaders,
  InteractionPath,
  InteractionQuery,
  ReadHeaders,
  UpdateHeaders,
} from './parameters.ts'
import {
  CreateInteractionResponse,
  CreateInteractionWebCommand,
  Interaction,
  PageInteraction,
  UpdateInteractionWebCommand,
} from './schemas.ts'

const common = {
  tags: ['Interaction'],
  security: [{ BearerToken: [] }, { OAuth2ClientCredentials: [] }],
}

const unauthorized = problemResponse(
  'No token, or one that is not accepted',
  'unauthorized',
  'A bearer token is required.',
)
const missing = problemResponse(
  'There is no interaction of this id',
  'not_found',
  'There is no interaction of this id.',
)
const unmatched = problemResponse(
  'The interaction has another version than the headers ask for',
  'precondition_failed',
  'The interaction has another version by now.',
)
const tooLarge = problemResponse(
  'The body is too large',
  'payload_too_large',
  'The body is larger than this service accepts.',
)
const notJson = problemResponse(
  'The body is not JSON',
  'unsupported_media_type',
  'The body must be application/json.',
)

const invalid = (example: Faults) =>
  validationErrorResponse('What is wrong with the request, by parameter or member', example)

const forbidden = (sentence: string) =>
  problemResponse('Not allowed to this caller, or of another organization', 'forbidden', sentence)
const foreign = forbidden('The interaction belongs to another organization')

const entityTag = Type.String({
  description: 'The version, in quotes: what If-Match and If-None-Match compare.',
  examples: ['"0"'],
})

const lines = (description: string) => ({ schema: Type.String({ description }) })

export const operations = {
  create: {
    ...common,
    operationId: 'createInteraction',
    summary: 'Create an interaction',
    description:
      'Stores a new interaction with version 0. Callers of an organization create in their own, whatever the body says; callers of the SERVICE role must name the organization.',
    headers: CreationHeaders,
    body: Type.Ref(`${CreateInteractionWebCommand.$id}#`),
    response: {
      200: {
        ...componentResponse('Created', CreateInteractionResponse),
        headers: {
          location: Type.String({ description: 'Where to read it, below this server.' }),
          etag: entityTag,
        },
      },
      400: invalid({ organizationId: 'is required of callers of the SERVICE role' }),
      401: unauthorized,
      403: forbidden('The token must have an organization or the role SERVICE.'),
      409: problemResponse(
        'An interaction of this id exists already, in whichever organization',
        'conflict',
        'An interaction of this id exists already.',
      ),
      413: tooLarge,
      415: notJson,
      422: problemResponse(
        'The Idempotency-Key was used for another creation',
        'idempotency_key_reused',
        'The Idempotency-Key was used for another creation.',
      ),
      503: unavailable,
    },
  },
  list: {
    ...common,
    operationId: 'listInteractions',
    summary: 'Search interactions by date',
    description:
      'One page of the interactions that were created in a range of time and match all filters, with their exact number.\n\n' +
      'With `Accept: application/x-ndjson` or `Accept: text/csv`, all of them instead, as a stream of lines: `page` and `size` have no effect, and `sort` may name `createdAt` alone. Each interaction that matches throughout is given once, as it is when it is read. The answer is complete when its body ends as HTTP has it (the last chunk of HTTP/1.1); when something fails, the connection is closed before that, which HTTP clients report as an error.',
    querystring: InteractionQuery,
    response: {
      200: {
        description: 'The page, empty when it lies beyond the end; or all that match, line by line',
        headers: {
          link: Type.String({
            description:
              'The first, previous, next and last page with the same parameters (RFC 8288). Left out beside lines, and when the parameters take more than about 700 characters.',
          }),
        },
        content: {
          'application/json': { schema: Type.Ref(`${PageInteraction.$id}#`) },
          'application/x-ndjson': lines(
            'An interaction a line. Line breaks between the tokens of `data` are spaces; a further member `dataText` then holds the exact text of `data`, as a string.',
          ),
          'text/csv': lines(
            'RFC 4180, with a header: id, organizationId, createdBy, createdAt, type, data, version. Nothing is altered, also where a spreadsheet would take it for a formula: import the columns as text.',
          ),
        },
      },
      400: invalid({
        start: 'is required: an ISO 8601 date-time with a zone, such as 2025-01-20T22:00:00.928Z',
      }),
      401: unauthorized,
      403: forbidden('The caller belongs to another organization'),
      503: unavailable,
    },
  },
  get: {
    ...common,
    operationId: 'getInteraction',
    summary: 'Read an interaction',
    description:
      'Callers of an organization read its interactions alone; callers of the SERVICE role read any.',
    params: InteractionPath,
    headers: ReadHeaders,
    response: {
      200: { ...componentResponse('The interaction', Interaction), headers: { etag: entityTag } },
      304: Type.Null({ description: 'It has a version that If-None-Match names' }),
      400: invalid({ interactionId: 'must not hold NUL or half of a surrogate pair' }),
      401: unauthorized,
      403: foreign,
      404: missing,
      412: unmatched,
      503: unavailable,
    },
  },
  update: {
    ...common,
    operationId: 'updateInteraction',
    summary: 'Update an interaction',
    description:
      'Replaces the type, the data, or both, and adds 1 to the version. When a version is given that is not the current one, nothing is changed: of several updates with the same version, one is applied.',
    params: InteractionPath,
    headers: UpdateHeaders,
    body: Type.Ref(`${UpdateInteractionWebCommand.$id}#`),
    response: {
      204: Type.Null({ description: 'Updated' }),
      400: invalid({ version: 'must be a whole number of 64 bits' }),
      401: unauthorized,
      403: foreign,
      404: missing,
      409: problemResponse(
        'The interaction has another version than the one given',
        'conflict',
        'The interaction has another version by now.',
      ),
      412: unmatched,
      413: tooLarge,
      415: notJson,
      503: unavailable,
    },
  },
} as const
