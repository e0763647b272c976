// Secrets of clients: created, hashed and verified.
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const deriveKey = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scrypt)

/**
 * Binary logarithm of scrypt's N: 16 MiB and about 40 ms for each guess. Secrets made here have 256 bits and would not
 * need it, but an operator may choose weaker ones.
 */
export const defaultSecretCost = 14
const blockSize = 8
const parallelization = 1
const keyLength = 32

/** Returns a secret of 256 random bits, in 43 characters that need no escaping anywhere. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Hashes a secret with a random salt.
 * @param cost binary logarithm of scrypt's N
 * @returns `scrypt$N$r$p$salt$key`, the last two in base64url
 */
export async function hashSecret(secret: string, cost = defaultSecretCost): Promise<string> {
  const salt = randomBytes(16)
  const options = scryptOptions(2 ** cost, blockSize, parallelization)
  const key = await deriveKey(digest(secret), salt, keyLength, options)
  return format(cost, salt, key)
}

/** Compared when the client does not exist, so that it takes as long as a wrong secret. */
const placeholderSalt = randomBytes(16)
const placeholderKey = randomBytes(keyLength)

/**
 * Returns whether the hash is that of the secret. Takes equally long for a right secret, a wrong secret, and a missing
 * hash, as long as hashes have the given cost.
 * @param cost binary logarithm of scrypt's N for a missing hash; a hash states its own
 */
export async function verifySecret(
  secret: string,
  hash: string | undefined,
  cost = defaultSecretCost,
): Promise<boolean> {
  const [, N, r, p, salt = '', key = ''] = (hash ?? format(cost, placeholderSalt, placeholderKey)).split('$')
  const expected = Buffer.from(key, 'base64url')
  if (expected.length !== keyLength) return false
  const options = scryptOptions(Number(N), Number(r), Number(p))
  const actual = await deriveKey(digest(secret), Buffer.from(salt, 'base64url'), keyLength, options)
  return timingSafeEqual(actual, expected) && hash !== undefined
}

/** scrypt needs 128 * N * r bytes, and some more for its own blocks; Node's default limit is 32 MiB. */
function scryptOptions(N: number, r: number, p: number): ScryptOptions {
  return { N, r, p, maxmem: 256 * N * r }
}

function format(cost: number, salt: Buffer, key: Buffer): string {
  const parameters = ['scrypt', 2 ** cost, blockSize, parallelization]
  return [...parameters, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** scrypt pads its input with NUL, so it would accept a secret with NULs appended as the same secret. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
