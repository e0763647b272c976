// Client secrets: made, hashed, compared.
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const deriveKey = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scrypt)

// 16 MB and about 40 ms for each guess. Secrets made here have 256 bits and would need none of it, but an operator
// may give weaker ones.
const cost = { N: 16_384, r: 8, p: 1 } as const
const keyLength = 32

/** A secret of 256 random bits, in 43 characters that need no escaping anywhere. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** @returns `scrypt$N$r$p$salt$key`, the last two in base64url */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await deriveKey(digest(secret), salt, keyLength, cost)
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** What to compare with when there is no client, so that its lack takes as long as a wrong secret. */
const nobodysHash = `scrypt$${cost.N}$${cost.r}$${cost.p}$${randomBytes(16).toString('base64url')}$${randomBytes(keyLength).toString('base64url')}`

/** Takes as long whether the secret is right, wrong, or the hash missing. */
export async function verifySecret(secret: string, hash: string | undefined): Promise<boolean> {
  const [, N, r, p, salt = '', key = ''] = (hash ?? nobodysHash).split('$')
  const expected = Buffer.from(key, 'base64url')
  if (expected.length !== keyLength) return false
  const options = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await deriveKey(digest(secret), Buffer.from(salt, 'base64url'), keyLength, options)
  return timingSafeEqual(actual, expected) && hash !== undefined
}

/** scrypt pads with NUL what it is given, and so would take a secret with NULs at its end for the same secret. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
