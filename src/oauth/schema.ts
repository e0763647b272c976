// The shapes of the token endpoint (RFC 6749 §4.4 and §5), its keys (RFC 7517) and its metadata (RFC 8414).
import { Type } from '@sinclair/typebox'

export const TokenForm = Type.Object({
  grant_type: Type.Literal('client_credentials', { description: 'The only grant there is.' }),
  client_id: Type.Optional(
    Type.String({ description: 'The client, when it does not authenticate by HTTP Basic.' }),
  ),
  client_secret: Type.Optional(
    Type.String({ description: 'Its secret, when it does not authenticate by HTTP Basic.' }),
  ),
  scope: Type.Optional(
    Type.String({ description: 'Scopes of the client, separated by spaces; without it, all of them.' }),
  ),
})

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
      Type.String({ description: "The client's organization; a SERVICE has none.", examples: ['acme'] }),
    ),
    sub: Type.String({ description: 'The client.', examples: ['demo-agent'] }),
    jti: Type.String({ description: 'Names the token.', examples: ['3f0c2f6e-0d5e-4f3b-9a44-0f8f7a4a9c11'] }),
  },
  { $id: 'TokenResponse', description: 'A token.' },
)

export const KeySet = Type.Object({
  keys: Type.Array(Type.Object({}, { additionalProperties: true }), {
    description: 'The public keys that verify tokens.',
  }),
})

export const ServerMetadata = Type.Object(
  {
    issuer: Type.String(),
    token_endpoint: Type.String({ format: 'uri' }),
    jwks_uri: Type.String({ format: 'uri' }),
  },
  { additionalProperties: true },
)
