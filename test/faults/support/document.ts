// Reads the committed OpenAPI document: its operations, and whether a response conforms to it.
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { WireReply } from './wire.ts'

export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly examples?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: unknown
}

export interface Operation {
  readonly method: string
  readonly path: string
  readonly operationId: string
  /** whether a bearer token is needed */
  readonly guarded: boolean
  readonly parameters: readonly Parameter[]
  readonly body: { readonly type: string; readonly schema: Schema } | undefined
  readonly statuses: readonly string[]
}

interface Document {
  readonly paths: Record<string, Record<string, DocumentedOperation>>
  readonly components: { readonly schemas: Record<string, Schema> }
}

interface DocumentedOperation {
  readonly operationId: string
  readonly security: readonly Record<string, unknown>[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> }
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>
}

const file = new URL('../../../openapi/openapi.json', import.meta.url)
const document: Document = JSON.parse(readFileSync(file, 'utf8'))

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addSchema(document, 'openapi')

export const operations: readonly Operation[] = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => {
    const [body] = Object.entries(operation.requestBody?.content ?? {})
    return {
      method: method.toUpperCase(),
      path,
      operationId: operation.operationId,
      guarded: operation.security.some((one) => 'BearerToken' in one),
      parameters: operation.parameters ?? [],
      body: body === undefined ? undefined : { type: body[0], schema: body[1].schema },
      statuses: Object.keys(operation.responses),
    }
  }),
)

/** Returns the documented methods of a path. */
export const methodsOf = (path: string) =>
  operations.filter((operation) => operation.path === path).map(({ method }) => method)

/** Resolves a reference to a component. */
export function resolve(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : (document.components.schemas[name] ?? schema)
}

/** Returns how a response differs from the document; empty if it conforms. */
export function differences({ method, path, statuses }: Operation, reply: WireReply): string[] {
  if (!statuses.includes(String(reply.status))) return [`status ${reply.status} is not documented`]
  const content = document.paths[path]?.[method.toLowerCase()]?.responses[reply.status]?.content ?? {}
  const [type] = Object.keys(content)
  if (type === undefined) return reply.body === '' ? [] : ['the body must be empty']
  if (reply.headers['content-type'] !== type) return [`content type ${reply.headers['content-type']}`]
  const pointer = [
    'paths',
    path,
    method.toLowerCase(),
    'responses',
    String(reply.status),
    'content',
    type,
    'schema',
  ]
  const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
  const isValid = ajv.getSchema(`openapi#/${escaped.join('/')}`)
  if (isValid === undefined) return ['the document has no schema for this response']
  return isValid(JSON.parse(reply.body)) ? [] : [ajv.errorsText(isValid.errors)]
}
