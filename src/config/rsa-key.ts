// PEMs that hold RSA keys which RS256 may be used with (RFC 7518 §3.3: 2048 bits or more).
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** Whether the text is a PEM with a private key that RS256 can sign with. */
export function isSigningKey(pem: string): boolean {
  return isAcceptable(() => createPrivateKey(pem))
}

/** The PEMs that stand in the text one after the other; undefined when it is not made of public keys for RS256 alone. */
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
