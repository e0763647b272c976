// The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header).
import { createHash } from 'node:crypto'
import type { SchemaOptions } from '@sinclair/typebox'
import { InvalidRequest } from '../http/problem.ts'
import { AnyText } from '../types/text.ts'
import type { IdempotencyKey } from './sql/idempotent-insert.ts'
import type { NewInteraction } from './sql/insert.ts'

const quotedCharacter = String.raw`[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]`
const bareCharacter = "[\\w!#$%&'*+.^`|~:/=@-]"
const quoted = new RegExp(`^"((?:${quotedCharacter})*)"$`)
const bare = new RegExp(`^${bareCharacter}+$`)

/** The header's type. It is parsed only where it has an effect: see create.ts. */
export const IdempotencyKeyHeader = (options: SchemaOptions) =>
  AnyText({
    pattern: `^\\s*(?:"(?:${quotedCharacter}){1,255}"|${bareCharacter}{1,255})\\s*$`,
    ...options,
  })

/**
 * Returns the key: a string as RFC 8941 has it, or its characters without quotes.
 * @throws InvalidRequest when it does not have 1 to 255 characters
 */
export function parseIdempotencyKey(header: string | readonly string[]): string {
  const text = [header].flat().join(', ').trim()
  const key = quoted.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? (bare.test(text) ? text : '')
  if (key.length >= 1 && key.length <= 255) return key
  throw new InvalidRequest({
    'Idempotency-Key':
      'must be a string of 1 to 255 characters, such as "8e03978e-40d5-43dd-bc93-6894a57f9324"',
  })
}

/** The user that sends a key. Other organizations, and other users of one, may use the same key. */
interface KeyOwner {
  /** undefined: of no organization */
  readonly organizationId?: string | undefined
  readonly userId: string
}

/** Returns what is stored of a key: hashes of it with its owner, and of the interaction to create. */
export function toIdempotencyKey(
  { organizationId, userId }: KeyOwner,
  key: string,
  { organizationId: owner, type, data }: Omit<NewInteraction, 'id'>,
): IdempotencyKey {
  return { key: hash([organizationId, userId, key]), fingerprint: hash([owner, type, data]) }
}

function hash(texts: readonly (string | undefined)[]): Buffer {
  return createHash('sha256').update(JSON.stringify(texts)).digest()
}
