// Secrets of clients: created, hashed and verified.
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const deriveKey = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scrypt)

// 16 MB and about 40 ms per guess. Generated secrets of 256 bits do not need this, but operators may choose weaker ones.
const cost = { N: 16_384, r: 8, p: 1 } as const
const keyLength = 32

/** Returns a secret of 256 random bits: 43 characters that need no escaping anywhere. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Hashes a secret with a new salt. @returns `scrypt$N$r$p$salt$key`, the last two in base64url */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await deriveKey(digest(secret), salt, keyLength, cost)
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Verified when the client does not exist, so that it takes as long as a wrong secret. */
const placeholderHash = `scrypt$${cost.N}$${cost.r}$${cost.p}$${randomBytes(16).toString('base64url')}$${randomBytes(keyLength).toString('base64url')}`

/** Returns whether a secret has that hash. Takes the same time for a right secret, a wrong one, and no hash. */
export async function verifySecret(secret: string, hash: string | undefined): Promise<boolean> {
  const [, N, r, p, salt = '', key = ''] = (hash ?? placeholderHash).split('$')
  const expected = Buffer.from(key, 'base64url')
  if (expected.length !== keyLength) return false
  const options = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await deriveKey(digest(secret), Buffer.from(salt, 'base64url'), keyLength, options)
  return timingSafeEqual(actual, expected) && hash !== undefined
}

/** scrypt pads its input with NUL, so it would accept a secret with NULs appended. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
