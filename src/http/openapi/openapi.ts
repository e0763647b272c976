// The OpenAPI document, generated from the schemas of the routes.
import swagger from '@fastify/swagger'
import { type TObject, type TSchema, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { scopeDescriptions } from '../../types/scope.ts'
import { refuseOtherMethods } from '../errors.ts'
import type { ProblemCode, ValidationErrors } from '../problem.ts'
import { registerDocsPage } from './docs-page.ts'

export interface OpenapiOptions {
  readonly components: readonly TSchema[]
  /** the URL at which clients reach the service; undefined: the root of its host */
  readonly publicUrl: string | undefined
  /** whether the service issues tokens itself */
  readonly grantsTokens: boolean
}

/** Documents every route that is registered afterwards by its `schema`, except those with `schema.hide`. */
export async function registerOpenapi(app: FastifyInstance, options: OpenapiOptions): Promise<void> {
  for (const component of [...options.components, ErrorResponse]) app.addSchema(component)
  const { publicUrl, grantsTokens } = options
  const path = publicUrl === undefined ? '/' : new URL(publicUrl).pathname
  const root = path.replace(/\/$/, '')
  const tokenUrl = `${root}/security/oauth/token`
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Interaction API',
        version: '1.9.18',
        description:
          'Records of customer interactions (audio, video, chat, cobrowse), per organization, with free-form data.\n\n' +
          `Get a token from ${grantsTokens ? '`POST /security/oauth/token`' : 'the identity provider'} and send it as \`Authorization: Bearer …\`. ` +
          'A caller of an organization has access to that organization only. A caller with the SERVICE role has access to all.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: path, description: 'This server' }],
      tags: [
        ...(grantsTokens
          ? [{ name: 'Authorization', description: 'Tokens for clients, and the keys that verify them.' }]
          : []),
        { name: 'Interaction', description: 'Create, read, update and search interactions.' },
        { name: 'Operating', description: 'For operators. No token is needed.' },
      ],
      components: {
        securitySchemes: { ...(grantsTokens ? clientSchemes(tokenUrl) : {}), BearerToken: bearerScheme },
      },
    },
    transform: ({ schema, url }) => ({
      schema: {
        ...schema,
        ...(isComponent(schema?.body) ? { body: Type.Ref(`${schema.body.$id}#`) } : {}),
        ...(schema?.security && !grantsTokens ? { security: [{ BearerToken: [] }] } : {}),
      },
      url,
    }),
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) => String(json.$id ?? `schema-${index}`),
    },
  })
  await app.register(registerDocsPage, { grantsTokens, root })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  refuseOtherMethods(app, '/openapi.json', ['GET'])
  // relative: a proxy may serve this under a path of its own
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('docs', 302))
  refuseOtherMethods(app, '/', ['GET'])
}

/** Whether a schema is a component of the document, which refers to it by its name. */
function isComponent(schema: unknown): schema is TSchema & { readonly $id: string } {
  return typeof schema === 'object' && schema !== null && '$id' in schema && typeof schema.$id === 'string'
}

const bearerScheme = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'An access token.',
} as const

/** Security schemes for clients. */
function clientSchemes(tokenUrl: string) {
  return {
    OAuth2ClientCredentials: {
      type: 'oauth2',
      description:
        'Gets a token with the id and the secret of a client. Without a chosen scope, the token has all scopes of the client. The scope `interactions` contains the others.',
      flows: { clientCredentials: { tokenUrl, scopes: scopeDescriptions } },
    },
    ClientBasic: {
      type: 'http',
      scheme: 'basic',
      description: 'The id and the secret of a client, for the token endpoint only.',
    },
  } as const
}

/** Describes a 400 response: each invalid parameter or member with its error. */
export function validationErrorResponse(description: string, example: ValidationErrors): TObject {
  return Type.Object({}, { additionalProperties: Type.String(), description, examples: [example] })
}

const ErrorResponse = Type.Object(
  {
    error: Type.String({ description: 'A stable error code.', examples: ['not_found'] }),
    error_description: Type.String({
      description: 'A sentence for people. It may change.',
      examples: ['There is no interaction with this id.'],
    }),
  },
  { $id: 'ErrorResponse', description: 'The reason for the error.' },
)

/**
 * Describes any other error response.
 * @param code the code of the example; `sentence` is its description
 */
export function problemResponse(description: string, code: ProblemCode, sentence: string) {
  return componentResponse(description, ErrorResponse, { error: code, error_description: sentence })
}

/** Describes an error that a retry may avoid. */
export function retryableResponse(description: string, code: ProblemCode, sentence: string) {
  return {
    ...problemResponse(description, code, sentence),
    headers: { 'retry-after': Type.Integer({ description: 'Retry after this number of seconds.' }) },
  }
}

/** 405 of paths that only support GET */
export const onlyGetResponse = problemResponse(
  'Method other than GET',
  'method_not_allowed',
  'POST is not supported here.',
)

/** 503 */
export const unavailableResponse = retryableResponse(
  'The service is overloaded, or its database does not respond in time. Retry later.',
  'unavailable',
  'The database does not respond in time. Retry later.',
)

/** Describes a response whose body is one of the components. */
export function componentResponse(
  description: string,
  component: TSchema,
  example?: Readonly<Record<string, unknown>>,
) {
  const schema = Type.Ref(`${component.$id}#`)
  const media = example === undefined ? { schema } : { schema, example }
  return { description, content: { 'application/json': media } }
}
