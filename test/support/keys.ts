// RSA keys for tests only. They are stored because generating one takes up to a second.
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'

const read = (name: string) => readFileSync(path.join(import.meta.dirname, 'keys', `${name}.pem`), 'utf8')

/** Signs the tokens of the application under test. */
export const signingKeyPem = read('signing')

/** Keys that the application under test does not trust unless a setting contains them. */
export const [otherKeyPem, oldKeyPem] = [read('other'), read('old')]

/** An RSA-PSS key, which RS256 must not use. */
export const pssKeyPem = read('pss')

/** Returns the public half of a private key, as a PEM. */
export function toPublicPem(privateKeyPem: string): string {
  return createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString()
}
