// Reads the bodies of create and update as Jackson would (contract §7), with `data` left as the text that it is.

import type { Faults } from '../http/problem.ts'
import { identifierError } from '../types/identifier.ts'
import { hasUnstorableEscape, readJsonMembers } from '../types/json-text.ts'

/** How deep objects and arrays may stand inside each other, as in Jackson. */
export const deepestNesting = 1000

export interface CreateCommand {
  readonly interactionId: string | undefined
  readonly type: string | undefined
  /** JSON text of an object */
  readonly data: string | undefined
  /** as it came: whether it must name one depends on the caller */
  readonly organizationId: string | undefined
}

export interface UpdateCommand {
  readonly type: string | undefined
  /** JSON text of an object */
  readonly data: string | undefined
  /** within int64 */
  readonly version: bigint | undefined
}

/** Reads the body of a create; what is wrong with it goes into `faults`. */
export function readCreateCommand(body: string | undefined, faults: Faults): CreateCommand {
  const member = readMembers(body, faults)
  return {
    interactionId: readIdentifier('interactionId', member, faults),
    type: readIdentifier('type', member, faults),
    data: readData(member, faults),
    organizationId: readText('organizationId', member, faults),
  }
}

/** Reads the body of an update; what is wrong with it goes into `faults`. */
export function readUpdateCommand(body: string | undefined, faults: Faults): UpdateCommand {
  const member = readMembers(body, faults)
  return {
    type: readIdentifier('type', member, faults),
    data: readData(member, faults),
    version: readVersion(member, faults),
  }
}

/** The JSON text of a member of the body; undefined when it is missing or null. */
export type Member = (name: string) => string | undefined

function readMembers(body: string | undefined, faults: Faults): Member {
  const object = body === undefined ? undefined : readJsonObject(body)
  if (object === undefined) faults.body = 'must be a JSON object'
  else if (object.depth > deepestNesting) faults.body = `must not nest deeper than ${deepestNesting} levels`
  return (name) => {
    const value = object?.members.get(name)
    return value === 'null' ? undefined : value
  }
}

/** @returns undefined when the text is no JSON object */
export function readJsonObject(text: string) {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  return readJsonMembers(text)
}

/** A number or a boolean counts as its text, with all digits. */
function readText(name: string, member: Member, faults: Faults): string | undefined {
  const json = member(name)
  if (json?.startsWith('"')) return JSON.parse(json)
  if (json?.startsWith('{') || json?.startsWith('[')) {
    faults[name] = 'must be a string'
    return undefined
  }
  return json
}

/** Reads an id, a type, an organization id or a user id; what is wrong with it goes into `faults`. */
export function readIdentifier(name: string, member: Member, faults: Faults): string | undefined {
  const value = readText(name, member, faults)
  const fault = value === undefined ? undefined : identifierError(value)
  if (fault !== undefined) faults[name] = fault
  return value
}

/** Reads the JSON text of an object; what is wrong with it goes into `faults`. */
export function readData(member: Member, faults: Faults): string | undefined {
  const json = member('data')
  if (json === undefined) return undefined
  if (!json.startsWith('{')) faults.data = 'must be an object'
  else if (hasUnstorableEscape(json))
    faults.data = 'must not hold \\u0000 or half of a surrogate pair: the database cannot store them'
  return json
}

function readVersion(member: Member, faults: Faults): bigint | undefined {
  const json = member('version')
  if (json === undefined) return undefined
  const version = json.startsWith('"') ? parseVersion(JSON.parse(json)) : truncate(json)
  if (version === 'absent') return undefined
  if (version !== 'invalid' && BigInt.asIntN(64, version) === version) return version
  faults.version = 'must be a whole number of 64 bits'
  return undefined
}

/** As Jackson reads a string where a long is expected. */
function parseVersion(text: string): bigint | 'absent' | 'invalid' {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed === 'null') return 'absent'
  return /^[+-]?\d{1,19}$/.test(trimmed) ? BigInt(trimmed.replace(/^\+/, '')) : 'invalid'
}

/** As Jackson reads a number where a long is expected, but without rounding: the fraction is cut off. */
function truncate(json: string): bigint | 'invalid' {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(json)
  if (parts === null) return 'invalid'
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts
  const digits = (whole + fraction).replace(/^0+/, '')
  const wholeDigits = digits.length - fraction.length + Number(exponent)
  if (digits === '' || wholeDigits <= 0) return 0n
  return wholeDigits > 19
    ? 'invalid'
    : BigInt(`${sign}${digits.slice(0, wholeDigits).padEnd(wholeDigits, '0')}`)
}
