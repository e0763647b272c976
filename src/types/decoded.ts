// The base of the TypeBox types that read requests: a JSON Schema for the OpenAPI document, and a function that reads a
// value. JSON Schema knows neither Spring's leniency nor numbers of more than 53 bits (contract §6, §7).
import {
  Kind,
  type SchemaOptions,
  type TSchema,
  type TTransform,
  type TUnsafe,
  Type,
  TypeRegistry,
} from '@sinclair/typebox'
import { JsonText } from './json-text.ts'

/**
 * A value of a request before it is read: a string of the path, of the query (an array when the parameter is repeated),
 * or of the body; or the exact text of any other JSON value of the body.
 */
export type Given = string | readonly string[] | JsonText

/** Thrown by a type that does not accept a value. The message follows the name of the value: "must be …". */
export class InvalidValue extends Error {}

// checked by decoding alone
const decodedKind = 'Decoded'
TypeRegistry.Set(decodedKind, () => true)

/**
 * Creates a type.
 * @param schema what the OpenAPI document says about it
 * @param decode reads a value; a required one that is absent counts as empty. Throws InvalidValue.
 */
export function Decoded<Value>(
  schema: SchemaOptions,
  decode: (given: Given) => Value,
): TTransform<TUnsafe<Given>, Value> {
  return Type.Transform(Type.Unsafe<Given>({ ...schema, [Kind]: decodedKind }))
    .Decode(decode)
    .Encode(() => {
      throw new Error('responses are not encoded by these types')
    })
}

/**
 * Returns a value as text: a number or boolean as its JSON text with all digits, a repeated parameter joined by commas,
 * both as Spring does.
 * @throws InvalidValue for a JSON object or array
 */
export function toText(given: Given): string {
  if (typeof given === 'string') return given
  if (!(given instanceof JsonText)) return given.join(',')
  if (given.isStructured) throw new InvalidValue('must be a string')
  return given.text
}

/** Returns all values of a parameter, in the order of the request. */
export function toValues(given: Given): readonly string[] {
  return typeof given === 'string' || given instanceof JsonText ? [toText(given)] : given
}

/** Whether a type was created by Decoded(). */
export function isDecoded(type: TSchema): type is TTransform<TUnsafe<Given>, unknown> {
  return type[Kind] === decodedKind
}
