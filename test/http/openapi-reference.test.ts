// The OpenAPI document has every operation, parameter, status, component and member of the original API (v1.9.18).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { components, operations } from './support/reference-facts.ts'

/** The parts of OpenAPI that these tests read. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly $ref?: string
  readonly items?: Schema
  readonly properties?: Record<string, Schema>
  readonly additionalProperties?: boolean | Schema
}
interface Content {
  readonly required?: boolean
  readonly content?: Record<string, { readonly schema: Schema }>
}
interface Operation {
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[]
  readonly requestBody?: Content
  readonly responses: Record<string, Content>
  readonly security?: readonly Record<string, unknown>[]
}
interface Document {
  readonly info: { readonly version: string }
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: {
    readonly schemas: Record<string, Schema>
    readonly securitySchemes: Record<string, unknown>
  }
}

const service = await startTestApp()
const document: Document = (await service.inject({ url: '/openapi.json' })).json()

const schemaOf = (content: Content | undefined) => content?.content?.['application/json']?.schema
const reference = (name: string) => `#/components/schemas/${name}`

/** Returns `type`, `type(format)`, `[items]`, `{values}` or the name of a component. */
function typeOf({ type, format, $ref, items, additionalProperties }: Schema | undefined = {}): string {
  if ($ref !== undefined) return $ref.replace(reference(''), '')
  if (items !== undefined) return `[${typeOf(items)}]`
  if (typeof additionalProperties === 'object') return `{${typeOf(additionalProperties)}}`
  const named = [type].flat().filter((one) => one !== 'null')
  return format === undefined ? `${named}` : `${named}(${format})`
}

test('the document has the version of the original API', () => {
  expect(document.info.version).toBe('1.9.18')
})

describe.each(operations)('$method $path', ({ method, path, parameters, success, errors }) => {
  const operation = document.paths[path]?.[method]

  test('has the parameters', () => {
    // The original has no header parameters.
    const compared = operation?.parameters?.filter((one) => one.in !== 'header')
    const described = compared?.map((one) => [one.name, one.in, typeOf(one.schema), one.required ?? false])
    expect(described ?? []).toEqual(expect.arrayContaining([...parameters]))
    // Not in the original; see the contract.
    const added = parameters.length > 1 ? ['organizationId', 'bom'] : []
    expect(described?.map(([name]) => name) ?? []).toEqual([...parameters.map(([name]) => name), ...added])
  })

  test('has the status and the schema of success', () => {
    const [status, component] = success
    expect(Object.keys(operation?.responses ?? {}).filter((code) => code.startsWith('2'))).toEqual([status])
    expect(schemaOf(operation?.responses[status])?.$ref).toBe(component && reference(component))
  })

  test('has the error statuses, and 400 is a map of strings', () => {
    expect(Object.keys(operation?.responses ?? {})).toEqual(expect.arrayContaining([...errors]))
    expect(typeOf(schemaOf(operation?.responses['400']))).toBe('{string}')
  })

  test('accepts either security scheme', () => {
    expect(operation?.security?.map((scheme) => Object.keys(scheme))).toEqual([
      ['BearerToken'],
      ['OAuth2ClientCredentials'],
    ])
  })
})

test.each(operations.filter(({ body }) => body !== undefined))(
  '$method $path requires a body',
  ({ method, path, body }) => {
    const required = document.paths[path]?.[method]?.requestBody
    expect([required?.required, schemaOf(required)?.$ref]).toEqual([true, reference(`${body}`)])
  },
)

describe.each(Object.entries(components))('the component %s', (name, members) => {
  test('has exactly the members', () => {
    const { type, properties = {} } = document.components.schemas[name] ?? {}
    expect(type).toBe('object')
    expect(Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, typeOf(one)]))).toEqual(
      members,
    )
  })
})

test.each(Object.entries(components))(
  'the members of %s may be null only if it is a request',
  (name, members) => {
    const properties = document.components.schemas[name]?.properties ?? {}
    for (const member of Object.keys(members))
      expect([properties[member]?.type].flat().includes('null')).toBe(name.endsWith('WebCommand'))
  },
)

test.each(Object.keys(components).filter((name) => components[name]?.data))(
  'data of %s may have any members',
  (name) => {
    expect(document.components.schemas[name]?.properties?.data?.additionalProperties).toBe(true)
  },
)

test('the security schemes are a bearer token and client credentials', () => {
  expect(document.components.securitySchemes).toMatchObject({
    BearerToken: { type: 'http', scheme: 'bearer' },
    OAuth2ClientCredentials: {
      type: 'oauth2',
      flows: { clientCredentials: { tokenUrl: '/security/oauth/token' } },
    },
  })
})
