// The OpenAPI document, made from the routes' schemas, and the page that shows it.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type TObject, type TSchema, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { refuseOtherMethods } from './errors.ts'

/** The page loads nothing but its own files, runs no script that stands in it, and calls no other server. */
const pagePolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** Collects every route that is registered afterwards; they describe themselves by `schema`, and hide by `schema.hide`. */
export async function registerOpenapi(app: FastifyInstance, components: readonly TSchema[]): Promise<void> {
  for (const component of [...components, ErrorResponse]) app.addSchema(component)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Interaction API',
        version: '1.9.18',
        description:
          'Records of customer interactions (audio, video, chat, cobrowse), per organization, with free-form data.\n\n' +
          'Get a token from `POST /security/oauth/token` and send it as `Authorization: Bearer …`. ' +
          'Callers of an organization see that organization alone; callers of the SERVICE role see all.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'This server' }],
      tags: [
        { name: 'Interaction', description: 'Create, read, update and search interactions.' },
        { name: 'Authorization', description: 'Tokens for clients.' },
      ],
      components: {
        securitySchemes: {
          BearerToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          OAuth2ClientCredentials: {
            type: 'oauth2',
            flows: {
              clientCredentials: {
                tokenUrl: '/security/oauth/token',
                scopes: { interactions: 'Create, read, update and search interactions.' },
              },
            },
          },
          ClientBasic: { type: 'http', scheme: 'basic', description: 'The id and the secret of a client.' },
        },
      },
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) => String(json.$id ?? `schema-${index}`),
    },
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { displayRequestDuration: true },
    staticCSP: pagePolicy,
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  refuseOtherMethods(app, '/openapi.json', ['GET'])
}

/** 400: what is wrong, by parameter or member. */
export function faultsResponse(description: string): TObject {
  return Type.Object(
    {},
    {
      additionalProperties: Type.String(),
      description,
      examples: [
        { start: 'is required: an ISO 8601 date-time with a zone, such as 2025-01-20T22:00:00.928Z' },
      ],
    },
  )
}

const ErrorResponse = Type.Object(
  {
    error: Type.String({ description: 'A code that stays the same.', examples: ['not_found'] }),
    error_description: Type.String({
      description: 'A sentence for people.',
      examples: ['There is no interaction of this id.'],
    }),
  },
  { $id: 'ErrorResponse', description: 'Why the request was refused.' },
)

/** Any other refusal: a code for programs, a sentence for people. */
export const problemResponse = (description: string) => componentResponse(description, ErrorResponse)

/** A refusal that another try may not meet. */
export const passingResponse = (description: string) => ({
  ...problemResponse(description),
  headers: { 'retry-after': Type.Integer({ description: 'After how many seconds to try again.' }) },
})

/** 503 */
export const unavailableResponse = passingResponse(
  'The service is overloaded, or its database does not answer in time; try again',
)

/** A reply whose body is one of the components. */
export function componentResponse(description: string, component: TSchema) {
  return { description, content: { 'application/json': { schema: Type.Ref(`${component.$id}#`) } } }
}
