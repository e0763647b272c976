// Every operation, parameter, status, component and member of the reimplemented API (v1.9.18) is in the document.
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { components, operations } from './support/reference-facts.ts'

/** As much of OpenAPI as these tests look at. */
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

/** `type`, `type(format)`, `[items]`, `{values}`, or the name of a component */
function typeOf({ type, format, $ref, items, additionalProperties }: Schema | undefined = {}): string {
  if ($ref !== undefined) return $ref.replace(reference(''), '')
  if (items !== undefined) return `[${typeOf(items)}]`
  if (typeof additionalProperties === 'object') return `{${typeOf(additionalProperties)}}`
  const named = [type].flat().filter((one) => one !== 'null')
  return format === undefined ? `${named}` : `${named}(${format})`
}

test('the document tells which version of the API it describes', () => {
  expect(document.info.version).toBe('1.9.18')
})

describe.each(operations)('$method $path', ({ method, path, parameters, success, refusals }) => {
  const operation = document.paths[path]?.[method]

  test('takes the parameters', () => {
    // headers beside what the reference has are ours
    const referred = operation?.parameters?.filter((one) => one.in !== 'header')
    const described = referred?.map((one) => [one.name, one.in, typeOf(one.schema), one.required ?? false])
    expect(described ?? []).toEqual(expect.arrayContaining([...parameters]))
    // one more is ours, see the contract
    const ours = parameters.length > 1 ? ['organizationId'] : []
    expect(described?.map(([name]) => name) ?? []).toEqual([...parameters.map(([name]) => name), ...ours])
  })

  test('answers with the status and the schema of success', () => {
    const [status, component] = success
    expect(Object.keys(operation?.responses ?? {}).filter((code) => code.startsWith('2'))).toEqual([status])
    expect(schemaOf(operation?.responses[status])?.$ref).toBe(component && reference(component))
  })

  test('answers with the statuses of refusal, 400 being a map of strings', () => {
    expect(Object.keys(operation?.responses ?? {})).toEqual(expect.arrayContaining([...refusals]))
    expect(typeOf(schemaOf(operation?.responses['400']))).toBe('{string}')
  })

  test('lets callers in by either of the security schemes', () => {
    expect(operation?.security?.map((scheme) => Object.keys(scheme))).toEqual([
      ['BearerToken'],
      ['OAuth2ClientCredentials'],
    ])
  })
})

test.each(operations.filter(({ body }) => body !== undefined))(
  '$method $path takes a body',
  ({ method, path, body }) => {
    const required = document.paths[path]?.[method]?.requestBody
    expect([required?.required, schemaOf(required)?.$ref]).toEqual([true, reference(`${body}`)])
  },
)

describe.each(Object.entries(components))('the component %s', (name, members) => {
  test('has the members, and no others', () => {
    const { type, properties = {} } = document.components.schemas[name] ?? {}
    expect(type).toBe('object')
    expect(Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, typeOf(one)]))).toEqual(
      members,
    )
  })
})

test.each(Object.entries(components))('the members of %s may be null in requests only', (name, members) => {
  const properties = document.components.schemas[name]?.properties ?? {}
  for (const member of Object.keys(members))
    expect([properties[member]?.type].flat().includes('null')).toBe(name.endsWith('WebCommand'))
})

test.each(Object.keys(components).filter((name) => components[name]?.data))(
  'the data of %s may have any members',
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
