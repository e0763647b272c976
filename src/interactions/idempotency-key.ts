// Reads the header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), and makes of it what is kept.
import { createHash } from 'node:crypto'
import type { Faults } from '../http/problem.ts'
import type { IdempotencyKey } from './sql/idempotent-insert.ts'
import type { NewInteraction } from './sql/insert.ts'

/** Whose key it is. */
interface KeyOwner {
  /** undefined: of no organization */
  readonly organizationId?: string | undefined
  readonly userId: string
}

/**
 * Reads the key, a string as RFC 8941 has it, or its characters alone; what is wrong with it goes into `faults`.
 * @returns undefined when there is none
 */
export function readIdempotencyKey(
  header: string | string[] | undefined,
  faults: Faults,
): string | undefined {
  if (header === undefined) return undefined
  const text = [header].flat().join(', ').trim()
  const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1')
  const key = quoted ?? (/^[\w!#$%&'*+.^`|~:/=@-]+$/.test(text) ? text : '')
  if (key.length >= 1 && key.length <= 255) return key
  faults['Idempotency-Key'] =
    'must be a string of 1 to 255 characters, such as "8e03978e-40d5-43dd-bc93-6894a57f9324"'
  return undefined
}

/** What is kept of a caller's key. Other organizations, and other users of one, may have the same key. */
export function toIdempotencyKey(
  { organizationId, userId }: KeyOwner,
  key: string,
  { organizationId: owner, type, data }: NewInteraction,
): IdempotencyKey {
  return { key: hash([organizationId, userId, key]), fingerprint: hash([owner, type, data]) }
}

function hash(texts: readonly (string | undefined)[]): Buffer {
  return createHash('sha256').update(JSON.stringify(texts)).digest()
}
