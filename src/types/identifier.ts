// Identifiers: ids of interactions, organizations, users and clients, and types of interactions (contract §7).
import type { SchemaOptions } from '@sinclair/typebox'
import { Decoded, type Given, InvalidValue, toText } from './decoded.ts'

/** Length of an identifier in characters (Unicode code points). */
export const identifierLength = { minimum: 1, maximum: 255 } as const

const { minimum, maximum } = identifierLength

/** @returns what is wrong with an identifier, as a phrase that follows its name; undefined when it is valid */
export function identifierError(value: string): string | undefined {
  const isLonger = value.length > maximum && (value.length > 2 * maximum || [...value].length > maximum)
  if (value.length < minimum || isLonger) return `must have ${minimum} to ${maximum} characters`
  if (value.includes('\u0000') || !value.isWellFormed())
    return 'must not contain NUL or half of a surrogate pair'
  return undefined
}

export const Identifier = (options: SchemaOptions) =>
  Decoded({ type: 'string', minLength: minimum, maxLength: maximum, ...options }, readIdentifier)

/** Segments that clients and proxies remove from a path (RFC 3986 §5.2.4), even when they are percent-encoded. */
const dotSegments = ['.', '..']

/** An identifier that can stand in the path of a URL. */
export const PathIdentifier = (options: SchemaOptions) =>
  Decoded(
    { type: 'string', minLength: minimum, maxLength: maximum, not: { enum: dotSegments }, ...options },
    (given) => {
      const value = readIdentifier(given)
      if (dotSegments.includes(value)) throw new InvalidValue('must not be . or ..')
      return value
    },
  )

/** An identifier, or an empty string, which decodes to undefined. */
export const IdentifierOrEmpty = (options: SchemaOptions) =>
  Decoded({ type: 'string', maxLength: maximum, ...options }, (given) =>
    given === '' ? undefined : readIdentifier(given),
  )

function readIdentifier(given: Given): string {
  const value = toText(given)
  const error = identifierError(value)
  if (error !== undefined) throw new InvalidValue(error)
  return value
}
