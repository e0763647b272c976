// Reads claims of tokens in the forms that identity providers give them (contract §1).
import { identifierError } from '../types/identifier.ts'

export type Claims = Readonly<Record<string, unknown>>

/** Returns the value of a claim; undefined when the token does not have it. */
export type ReadClaim = (claims: Claims) => unknown

/**
 * Compiles the name or the path of a claim: `roles`, `realm_access.roles`, `resource_access["my.client.id"].roles`. A claim of
 * exactly that name at the top wins over the path, since names may be URLs.
 */
export function compileClaim(name: string): ReadClaim {
  const path = parsePath(name)
  return (claims) => (Object.hasOwn(claims, name) ? claims[name] : path?.reduce(memberOf, claims))
}

/** Returns the names on a path; undefined when the text is no path. */
function parsePath(text: string): readonly string[] | undefined {
  if (!/^[^.[\]"]+(?:\.[^.[\]"]+|\["[^"]*"\])*$/.test(text)) return undefined
  return Array.from(text.matchAll(/\["([^"]*)"\]|[^.[\]"]+/g), ([whole, quoted]) => quoted ?? whole)
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** Returns the words of an array of strings, or of one string with spaces or commas; none for any other value. */
export function wordsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(/[ ,]+/).filter((word) => word !== '')
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

/**
 * Returns the organization that a claim names: a string, an array with exactly one string, or an object with exactly one
 * member, whose name it is.
 * @returns undefined when it names none, or several
 */
export function organizationOf(value: unknown): string | undefined {
  const names = Array.isArray(value) ? value : isObject(value) ? Object.keys(value) : [value]
  const [name] = names
  return names.length === 1 && isIdentifier(name) ? name : undefined
}

export function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && identifierError(value) === undefined
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
