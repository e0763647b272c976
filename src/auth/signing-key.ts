// The RSA key that signs tokens, from the settings or created once, and the keys that signed before it.
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { isSigningKey } from '../config/rsa-key.ts'

export interface PublicKey {
  /** PEM */
  readonly publicKey: string
  /** the thumbprint of the public key (RFC 7638) */
  readonly keyId: string
  /** the public key, for other verifiers (RFC 7517) */
  readonly jwk: Readonly<Record<string, string>>
}

export interface SigningKey extends PublicKey {
  /** PEM */
  readonly privateKey: string
  /** the keys that signed before: their tokens stay valid until they expire */
  readonly previous: readonly PublicKey[]
}

/**
 * Opens the signing key.
 * @param given a PEM, or a file with one; with neither, a key is created once in the data directory
 * @throws Error that names the setting when the file has no RSA key of 2048 bits or more, or cannot be read
 */
export async function openSigningKey(given: {
  privateKey: string | undefined
  privateKeyFile: string | undefined
  previousPublicKeys: readonly string[]
  dataDirectory: string
}): Promise<SigningKey> {
  const pem = given.privateKey ?? (await readFrom(given))
  const privateKey = toPem(createPrivateKey(pem), 'pkcs8')
  const previous = given.previousPublicKeys.map(toPublicKey)
  return { privateKey, ...toPublicKey(pem), previous }
}

async function readFrom(given: { privateKeyFile: string | undefined; dataDirectory: string }) {
  if (given.privateKeyFile !== undefined) return readGivenFile(given.privateKeyFile)
  return readOrMake(path.join(given.dataDirectory, 'signing-key.pem'))
}

async function readGivenFile(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8').catch(() => '')
  if (!isSigningKey(pem))
    throw new Error(
      'JWT_PRIVATE_KEY_FILE must name a readable PEM file with an RSA private key of 2048 bits or more',
    )
  return pem
}

async function readOrMake(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept !== undefined) {
    if (!isSigningKey(kept))
      throw new Error(`${file} is damaged. Restore it, or remove it to create a new key.`)
    return kept
  }
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  // renamed, so that a crash leaves no partial key
  await writeFile(`${file}.new`, pem, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return pem
}

/** @param pem of a public key, or of a private key */
function toPublicKey(pem: string): PublicKey {
  const publicKey = createPublicKey(pem)
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  const keyId = createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')
  return {
    publicKey: toPem(publicKey, 'spki'),
    keyId,
    jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid: keyId, n, e },
  }
}

function toPem(key: KeyObject, type: 'pkcs8' | 'spki'): string {
  return key.export({ type, format: 'pem' }).toString()
}
