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
  return hashWith(makeParameters(cost), secret)
}

/**
 * Hashes a secret with the cost and the salt of another hash of the same client: one derivation then verifies a secret
 * against both.
 */
export async function hashSecretLike(hash: string, secret: string): Promise<string> {
  return hashWith(splitHash(hash).parameters, secret)
}

/** Compared when the client does not exist, so that it takes as long as a wrong secret. */
const placeholderSalt = randomBytes(16)
const placeholderKey = randomBytes(keyLength)

/**
 * Returns whether one of the hashes is that of the secret. Takes equally long for a right secret, a wrong secret, one hash,
 * two of the same salt, and none, as long as hashes have the given cost.
 * @param hashes those of the client's secrets; empty when there is no such client
 * @param cost binary logarithm of scrypt's N when there are no hashes; a hash states its own
 */
export async function verifySecret(
  secret: string,
  hashes: readonly string[],
  cost = defaultSecretCost,
): Promise<boolean> {
  const placeholder = joinHash(makeParameters(cost, placeholderSalt), placeholderKey)
  const derived = new Map<string, Promise<Buffer>>()
  let isRight = false
  for (const hash of hashes.length > 0 ? hashes : [placeholder]) {
    const { parameters, key } = splitHash(hash)
    if (key.length !== keyLength) continue
    const derivation = derived.get(parameters) ?? deriveWith(parameters, secret)
    derived.set(parameters, derivation)
    const isEqual = timingSafeEqual(await derivation, key)
    isRight ||= isEqual && hash !== placeholder
  }
  return isRight
}

/** @returns `scrypt$N$r$p$salt`, the salt in base64url */
function makeParameters(cost: number, salt = randomBytes(16)): string {
  return ['scrypt', 2 ** cost, blockSize, parallelization, salt.toString('base64url')].join('$')
}

async function hashWith(parameters: string, secret: string): Promise<string> {
  return joinHash(parameters, await deriveWith(parameters, secret))
}

function deriveWith(parameters: string, secret: string): Promise<Buffer> {
  const [, N, r, p, salt = ''] = parameters.split('$')
  const options = scryptOptions(Number(N), Number(r), Number(p))
  return deriveKey(digest(secret), Buffer.from(salt, 'base64url'), keyLength, options)
}

function joinHash(parameters: string, key: Buffer): string {
  return `${parameters}$${key.toString('base64url')}`
}

function splitHash(hash: string): { parameters: string; key: Buffer } {
  const end = hash.lastIndexOf('$')
  return { parameters: hash.slice(0, end), key: Buffer.from(hash.slice(end + 1), 'base64url') }
}

/** scrypt needs 128 * N * r bytes, and some more for its own blocks; Node's default limit is 32 MiB. */
function scryptOptions(N: number, r: number, p: number): ScryptOptions {
  return { N, r, p, maxmem: 256 * N * r }
}

/** scrypt pads its input with NUL, so it would accept a secret with NULs appended as the same secret. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
