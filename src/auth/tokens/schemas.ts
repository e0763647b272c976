// The requests and responses of the token endpoint (RFC 6749 §4.4 and §5), its keys (RFC 7517) and its metadata (RFC 8414).
import { type TSchema, Type } from '@sinclair/typebox'
import {
  componentResponse,
  onlyGetResponse,
  problemResponse,
  retryableResponse,
  unavailableResponse,
} from '../../http/openapi/openapi.ts'

export const TokenForm = Type.Object(
  {
    grant_type: Type.Literal('client_credentials', { description: 'The only supported grant.' }),
    client_id: Type.Optional(
      Type.String({
        description: 'The id of the client, unless it authenticates by HTTP Basic.',
        examples: ['demo-agent'],
      }),
    ),
    client_secret: Type.Optional(
      Type.String({
        description: 'The secret of the client, unless it authenticates by HTTP Basic.',
        examples: [''],
      }),
    ),
    scope: Type.Optional(
      Type.String({
        description:
          'Scopes of the client, or scopes that they contain, separated by spaces. Default: all of the client.',
        examples: ['interactions'],
      }),
    ),
  },
  { $id: 'TokenRequest', description: 'The client and the requested scopes.' },
)

export const TokenResponse = Type.Object(
  {
    access_token: Type.String({ description: 'The token: a JWT, signed with RS256.' }),
    token_type: Type.Literal('bearer'),
    expires_in: Type.Integer({ description: 'The lifetime of the token in seconds.', examples: [3600] }),
    scope: Type.String({
      description: 'The granted scopes, separated by spaces.',
      examples: ['interactions'],
    }),
    organization: Type.Optional(
      Type.String({
        description: 'The organization of the client. Absent for a SERVICE.',
        examples: ['demo-organization'],
      }),
    ),
    sub: Type.String({ description: 'The id of the client.', examples: ['demo-agent'] }),
    jti: Type.String({
      description: 'The id of the token.',
      examples: ['3f0c2f6e-0d5e-4f3b-9a44-0f8f7a4a9c11'],
    }),
  },
  { $id: 'TokenResponse', description: 'A token.' },
)

const Key = Type.Object(
  {
    kty: Type.Literal('RSA'),
    use: Type.Literal('sig'),
    alg: Type.Literal('RS256'),
    kid: Type.String({ description: 'The id of the key, which tokens name in their header.' }),
    n: Type.String({ description: 'The modulus, in base64url.' }),
    e: Type.String({ description: 'The exponent, in base64url.', examples: ['AQAB'] }),
  },
  { description: 'A public key.' },
)

const KeySet = Type.Object(
  { keys: Type.Array(Key, { description: 'The public keys that verify tokens.' }) },
  { $id: 'KeySet', description: 'Public keys (RFC 7517).' },
)

const ServerMetadata = Type.Object(
  {
    issuer: Type.String({
      description: 'The issuer of the tokens.',
      examples: ['https://interactions.example'],
    }),
    token_endpoint: Type.String({ format: 'uri' }),
    jwks_uri: Type.String({ format: 'uri', description: 'The URL of the public keys.' }),
    response_types_supported: Type.Array(Type.String(), { description: 'Empty: users do not log in here.' }),
    grant_types_supported: Type.Array(Type.String(), { examples: [['client_credentials']] }),
    scopes_supported: Type.Array(Type.String(), { examples: [['interactions', 'interactions:read']] }),
    token_endpoint_auth_methods_supported: Type.Array(Type.String(), {
      examples: [['client_secret_basic', 'client_secret_post']],
    }),
    service_documentation: Type.String({ format: 'uri' }),
  },
  { $id: 'ServerMetadata', description: 'The metadata of the authorization server (RFC 8414).' },
)

export const oauthComponents: readonly TSchema[] = [TokenForm, TokenResponse, KeySet, ServerMetadata]

const tags = ['Authorization']

export const operations = {
  token: {
    operationId: 'createToken',
    summary: 'Get a token',
    description:
      'Grants a token to a client. The client authenticates by HTTP Basic, by `client_id` and `client_secret` in the form, or by the same parameters in the query string with an empty body.',
    tags,
    security: [{ ClientBasic: [] }, {}],
    consumes: ['application/x-www-form-urlencoded'],
    body: Type.Ref(`${TokenForm.$id}#`),
    response: {
      200: componentResponse('The token', TokenResponse),
      400: problemResponse(
        'The grant or the scope is missing or not accepted',
        'unsupported_grant_type',
        'The grant_type must be client_credentials.',
      ),
      401: problemResponse(
        'The client is unknown, or its secret is wrong',
        'invalid_client',
        'Bad client credentials',
      ),
      405: problemResponse('A method other than POST', 'method_not_allowed', 'GET is not supported here.'),
      413: problemResponse(
        'The body is too large',
        'payload_too_large',
        'The body is larger than this service accepts.',
      ),
      429: retryableResponse(
        'Too many failed requests. Retry after the time in Retry-After',
        'too_many_requests',
        'Too many failed requests. Retry later.',
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
