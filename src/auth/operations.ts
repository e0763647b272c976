// What the token endpoint and its neighbours take and answer, for the OpenAPI document.
import { Type } from '@sinclair/typebox'
import {
  componentResponse,
  onlyGetResponse,
  problemResponse,
  retryableResponse,
  unavailableResponse,
} from '../http/openapi/openapi.ts'
import { KeySet, ServerMetadata, TokenForm, TokenResponse } from './schemas.ts'

const tags = ['Authorization']
export const operations = {
  token: {
    operationId: 'createToken',
    summary: 'Get a token',
    description:
      'Grants a token to a client. It authenticates by HTTP Basic, by `client_id` and `client_secret` in the form, or by the same in the query string with an empty body.',
    tags,
    security: [{ ClientBasic: [] }, {}],
    consumes: ['application/x-www-form-urlencoded'],
    body: Type.Ref(`${TokenForm.$id}#`),
    response: {
      200: componentResponse('The token', TokenResponse),
      400: problemResponse(
        'The grant or the scope is missing or not accepted',
        'unsupported_grant_type',
        'Unsupported grant type',
      ),
      401: problemResponse(
        'The client is unknown, or its secret is another',
        'invalid_client',
        'Bad client credentials',
      ),
      405: problemResponse('Another method than POST', 'method_not_allowed', 'GET is not supported here.'),
      413: problemResponse(
        'The body is too large',
        'payload_too_large',
        'The body is larger than this service accepts.',
      ),
      429: retryableResponse(
        'Too many failed requests; try again when Retry-After says',
        'too_many_requests',
        'Too many failed requests. Try again later.',
      ),
      503: unavailableResponse,
    },
  },
  keys: {
    operationId: 'getKeys',
    summary: 'Get the keys that verify tokens',
    tags,
    security: [],
    response: { 200: componentResponse('The public keys', KeySet), 405: onlyGetResponse },
  },
  metadata: {
    operationId: 'getServerMetadata',
    summary: 'Get the metadata of the authorization server',
    tags,
    security: [],
    response: { 200: componentResponse('The metadata', ServerMetadata), 405: onlyGetResponse },
  },
} as const
