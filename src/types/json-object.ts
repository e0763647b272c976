// JSON objects that are stored as they were given, character by character.
import type { SchemaOptions } from '@sinclair/typebox'
import { Decoded, InvalidValue } from './decoded.ts'
import { JsonText } from './json-text.ts'

/** Decodes to the exact text of the object. */
export const JsonObject = (options: SchemaOptions) =>
  Decoded({ type: 'object', additionalProperties: true, ...options }, (given) => {
    if (!(given instanceof JsonText && given.text.startsWith('{')))
      throw new InvalidValue('must be an object')
    if (given.isUnstorable)
      throw new InvalidValue(
        'must not contain \\u0000 or half of a surrogate pair: the database cannot store them',
      )
    return given.text
  })
