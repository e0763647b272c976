// Validates requests by the TypeBox types that their routes declare, and gives handlers the decoded values.
import { type StaticDecode, TransformKind, type TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifySchemaCompiler, FastifyTypeProvider } from 'fastify'
import { type Given, InvalidValue, isDecoded } from '../types/decoded.ts'
import { type JsonMembers, maximumDepth, memberOf } from '../types/json-text.ts'
import { InvalidRequest, type ValidationErrors } from './problem.ts'

/** Types `request.body`, `request.query` and `request.params` as what the schemas of the route decode to. */
export interface TypeBoxTypeProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? StaticDecode<this['schema']> : unknown
}

/** Names the function of an object schema that compares its decoded properties with each other. */
export const crossCheck = Symbol('cross-check')

interface PartSchema extends TSchema {
  [crossCheck]?: (value: object) => ValidationErrors | undefined
}

/** A part of a request (path, query, headers or body): its values by name, undefined for those that are absent. */
type Part = (name: string) => Given | undefined

/**
 * Compiles the schema of one part of a request into a function that decodes it. Properties that the schema does not
 * name are ignored; headers stay as they are. All errors of the part are reported at once (contract §7).
 */
export const validatorCompiler: FastifySchemaCompiler<PartSchema> = ({ schema, httpPart }) => {
  if (httpPart === 'headers') {
    const decode = compileObject(schema, (name) => name.toLowerCase())
    return (headers: Readonly<Record<string, Given | undefined>>) => {
      const decoded = decode((name) => headers[name])
      return 'errors' in decoded ? toResult(decoded) : true
    }
  }
  if (httpPart === 'body') {
    const decode = compileBody(schema)
    return (body: JsonMembers | null) => toResult(decode(body))
  }
  const decode = compileObject(schema)
  return (values: Readonly<Record<string, Given | undefined>>) =>
    toResult(decode((name) => (Object.hasOwn(values, name) ? values[name] : undefined)))
}

/** The decoded properties of an object, or what is wrong with them. */
type DecodedObject<Type extends TSchema> =
  | { readonly value: StaticDecode<Type> }
  | { readonly errors: ValidationErrors }

/** Fastify's form of a result. */
function toResult(decoded: DecodedObject<TSchema>) {
  return 'errors' in decoded ? { error: new InvalidRequest(decoded.errors) } : { value: decoded.value }
}

/** Compiles the schema of a body into a function that decodes it, and reports all errors at once; null: not an object. */
export function compileBody<Type extends PartSchema>(
  schema: Type,
): (body: JsonMembers | null) => DecodedObject<Type> {
  const decode = compileObject(schema)
  return (body) => {
    if (body === null) return { errors: { body: 'must be a JSON object' } }
    const decoded = decode((name) => memberOf(body, name))
    if (body.depth <= maximumDepth) return decoded
    const errors = 'errors' in decoded ? decoded.errors : {}
    return { errors: { ...errors, body: `must not nest deeper than ${maximumDepth} levels` } }
  }
}

/**
 * Compiles the schema of an object into a function that decodes its properties, and reports all errors at once.
 * @param toKey returns the name by which the part has a property
 */
export function compileObject<Type extends PartSchema>(
  schema: Type,
  toKey = (name: string) => name,
): (part: Part) => DecodedObject<Type> {
  const required: readonly string[] = schema.required ?? []
  const check = schema[crossCheck]
  const properties = Object.entries<TSchema>(schema.properties).map(([name, type]) => ({
    name,
    key: toKey(name),
    isRequired: required.includes(name),
    decode: compileProperty(type),
  }))
  return (part) => {
    const value: Record<string, unknown> = {}
    let errors: ValidationErrors | undefined
    for (const { name, key, isRequired, decode } of properties) {
      const given = part(key)
      try {
        // an absent value is decoded as an empty one, so that the error says what is accepted
        value[name] = given === undefined && !isRequired ? undefined : decode(given ?? '')
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error
        const message = given === undefined ? `is required and ${error.message}` : error.message
        errors = { ...errors, [name]: message }
      }
    }
    const crossErrors = check?.(value)
    if (errors !== undefined || crossErrors !== undefined) return { errors: { ...crossErrors, ...errors } }
    // each property was decoded by its type
    return { value: value as StaticDecode<Type> }
  }
}

/** Compiles the type of a property. The function throws InvalidValue for what the type does not accept. */
function compileProperty(type: TSchema): (given: Given) => unknown {
  // our own types decode and check in one step
  if (isDecoded(type)) return type[TransformKind].Decode
  const compiled = TypeCompiler.Compile(type)
  return (given) => {
    if (compiled.Check(given)) return compiled.Decode(given)
    throw new InvalidValue(compiled.Errors(given).First()?.message ?? 'is not valid')
  }
}
