// RSA keys for RS256 in PEM: 2048 bits or more (RFC 7518 §3.3).
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** Whether the text is a PEM with a private RSA key for RS256. */
export function isSigningKey(pem: string): boolean {
  return isAcceptable(() => createPrivateKey(pem))
}

/** Splits a text into its PEMs; undefined unless all of them are public RSA keys for RS256. */
export function splitPublicKeys(text: string): readonly string[] | undefined {
  const pems = text.match(/-----BEGIN (PUBLIC KEY)-----[^-]+-----END \1-----/g) ?? []
  const rest = pems.reduce((left, pem) => left.replace(pem, ''), text)
  const areKeys = pems.length > 0 && rest.trim() === ''
  return areKeys && pems.every((pem) => isAcceptable(() => createPublicKey(pem))) ? pems : undefined
}

function isAcceptable(open: () => KeyObject): boolean {
  try {
    const key = open()
    return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
  } catch {
    return false
  }
}
