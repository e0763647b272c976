// The shapes of the token endpoint (RFC 6749 §4.4 and §5), its keys (RFC 7517) and its metadata (RFC 8414).
import { type TSchema, Type } from '@sinclair/typebox'

export const TokenForm = Type.Object(
  {
    grant_type: Type.Literal('client_credentials', { description: 'The only grant there is.' }),
    client_id: Type.Optional(
      Type.String({
        description: 'The client, when it does not authenticate by HTTP Basic.',
        examples: ['demo-agent'],
      }),
    ),
    client_secret: Type.Optional(
      Type.String({
        description: 'Its secret, when it does not authenticate by HTTP Basic.',
        examples: [''],
      }),
    ),
    scope: Type.Optional(
      Type.String({
        description: 'Scopes of the client, separated by spaces; without it, all of them.',
        examples: ['interactions'],
      }),
    ),
  },
  { $id: 'TokenRequest', description: 'Who asks for a token, and for what.' },
)

export const TokenResponse = Type.Object(
  {
    access_token: Type.String({ description: 'The token: a JWT, signed with RS256.' }),
    token_type: Type.Literal('bearer'),
    expires_in: Type.Integer({ description: 'How long it is valid, in seconds.', examples: [3600] }),
    scope: Type.String({
      description: 'The scopes granted, separated by spaces.',
      examples: ['interactions'],
    }),
    organization: Type.Optional(
      Type.String({
        description: "The client's organization; a SERVICE has none.",
        examples: ['demo-organization'],
      }),
    ),
    sub: Type.String({ description: 'The client.', examples: ['demo-agent'] }),
    jti: Type.String({ description: 'Names the token.', examples: ['3f0c2f6e-0d5e-4f3b-9a44-0f8f7a4a9c11'] }),
  },
  { $id: 'TokenResponse', description: 'A token.' },
)

const Key = Type.Object(
  {
    kty: Type.Literal('RSA'),
    use: Type.Literal('sig'),
    alg: Type.Literal('RS256'),
    kid: Type.String({ description: 'Names the key; a token names it in its header.' }),
    n: Type.String({ description: 'The modulus, in base64url.' }),
    e: Type.String({ description: 'The exponent, in base64url.', examples: ['AQAB'] }),
  },
  { description: 'A public key.' },
)

export const KeySet = Type.Object(
  { keys: Type.Array(Key, { description: 'The public keys that verify tokens.' }) },
  { $id: 'KeySet', description: 'Public keys (RFC 7517).' },
)

export const ServerMetadata = Type.Object(
  {
    issuer: Type.String({ description: 'Who issues tokens.', examples: ['https://interactions.example'] }),
    token_endpoint: Type.String({ format: 'uri' }),
    jwks_uri: Type.String({ format: 'uri', description: 'Where the public keys are.' }),
    response_types_supported: Type.Array(Type.String(), { description: 'None: no user ever logs in.' }),
    grant_types_supported: Type.Array(Type.String(), { examples: [['client_credentials']] }),
    token_endpoint_auth_methods_supported: Type.Array(Type.String(), {
      examples: [['client_secret_basic', 'client_secret_post']],
    }),
    service_documentation: Type.String({ format: 'uri' }),
  },
  { $id: 'ServerMetadata', description: 'The metadata of the authorization server (RFC 8414).' },
)

/** Every component, to be registered under its name. */
export const oauthComponents: readonly TSchema[] = [TokenForm, TokenResponse, KeySet, ServerMetadata]
