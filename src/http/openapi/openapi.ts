// The OpenAPI document, made from the routes' schemas.
import swagger from '@fastify/swagger'
import { type TObject, type TSchema, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { refuseOtherMethods } from '../errors.ts'
import type { ProblemCode, ValidationErrors } from '../problem.ts'
import { registerDocsPage } from './docs-page.ts'

export interface OpenapiOptions {
  readonly components: readonly TSchema[]
  /** where callers reach the service; undefined: at the root of its host */
  readonly publicUrl: string | undefined
  /** whether the service grants tokens itself */
  readonly grantsTokens: boolean
}

/** Collects every route that is registered afterwards; they describe themselves by `schema`, and hide by `schema.hide`. */
export async function registerOpenapi(app: FastifyInstance, options: OpenapiOptions): Promise<void> {
  for (const component of [...options.components, ErrorResponse]) app.addSchema(component)
  const { publicUrl, grantsTokens } = options
  const root = publicUrl === undefined ? '/' : new URL(publicUrl).pathname
  const tokenUrl = `${root.replace(/\/$/, '')}/security/oauth/token`
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Interaction API',
        version: '1.9.18',
        description:
          'Records of customer interactions (audio, video, chat, cobrowse), per organization, with free-form data.\n\n' +
          `Get a token from ${grantsTokens ? '`POST /security/oauth/token`' : 'the identity provider'} and send it as \`Authorization: Bearer …\`. ` +
          'Callers of an organization see that organization alone; callers of the SERVICE role see all.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: root, description: 'This server' }],
      tags: [
        ...(grantsTokens
          ? [{ name: 'Authorization', description: 'Tokens for clients, and what checks them.' }]
          : []),
        { name: 'Interaction', description: 'Create, read, update and search interactions.' },
        { name: 'Operating', description: 'For those who run the service; no token needed.' },
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
  await app.register(registerDocsPage, { grantsTokens })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  refuseOtherMethods(app, '/openapi.json', ['GET'])
}

/** Whether a schema is a component of the document, which refers to it by its name. */
function isComponent(schema: unknown): schema is TSchema & { readonly $id: string } {
  return typeof schema === 'object' && schema !== null && '$id' in schema && typeof schema.$id === 'string'
}

const bearerScheme = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'A token that you have already.',
} as const

/** The ways in for who has the id and the secret of a client. */
function clientSchemes(tokenUrl: string) {
  const scopes = { interactions: 'Create, read, update and search interactions.' }
  return {
    OAuth2ClientCredentials: {
      type: 'oauth2',
      description:
        'Gets a token for the id and the secret of a client. With no scope chosen, it has all that the client may have.',
      flows: { clientCredentials: { tokenUrl, scopes } },
    },
    ClientBasic: {
      type: 'http',
      scheme: 'basic',
      description: 'The id and the secret of a client, for the token endpoint alone.',
    },
  } as const
}

/** 400: what is wrong, by parameter or member. */
export function validationErrorResponse(description: string, example: ValidationErrors): TObject {
  return Type.Object({}, { additionalProperties: Type.String(), description, examples: [example] })
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

/**
 * Any other refusal: a code for programs, a sentence for people.
 * @param code of the example, as is the sentence
 */
export function problemResponse(description: string, code: ProblemCode, sentence: string) {
  return componentResponse(description, ErrorResponse, { error: code, error_description: sentence })
}

/** A refusal that another try may not meet. */
export function retryableResponse(description: string, code: ProblemCode, sentence: string) {
  return {
    ...problemResponse(description, code, sentence),
    headers: { 'retry-after': Type.Integer({ description: 'After how many seconds to try again.' }) },
  }
}

/** 405, where there is nothing but to read */
export const onlyGetResponse = problemResponse(
  'Another method than GET',
  'method_not_allowed',
  'POST is not supported here.',
)

/** 503 */
export const unavailableResponse = retryableResponse(
  'The service is overloaded, or its database does not answer in time; try again',
  'unavailable',
  'The database does not answer in time. Try again.',
)

/** A reply whose body is one of the components. */
export function componentResponse(
  description: string,
  component: TSchema,
  example?: Readonly<Record<string, unknown>>,
) {
  const schema = Type.Ref(`${component.$id}#`)
  const media = example === undefined ? { schema } : { schema, example }
  return { description, content: { 'application/json': media } }
}
