// Tokens that another key signed than the one which signs now: an earlier one of this service, or one of an identity
// provider, which changes its keys as it likes.
import { createPublicKey } from 'node:crypto'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { keysAt, keysOfIssuer } from './provider-keys.ts'

export interface OtherKeySettings {
  /** names the key that signs now */
  readonly keyId: string
  /** the keys that signed before it; PEM */
  readonly previous: readonly { readonly keyId: string; readonly publicKey: string }[]
  /** where an identity provider publishes its keys */
  readonly jwksUrl: string | undefined
  /** whether the issuer is such a provider, whose metadata tell where */
  readonly discoversKeys: boolean
  readonly issuer: string
  readonly audience: string
}

export interface OtherKeys {
  /** Whether it is one of these keys that must have signed the token. */
  mustHaveSigned(token: string): boolean
  /**
   * @returns the claims of a token that one of these keys signed, for the issuer and the audience of the settings
   * @throws JOSEError when there is no such key, or the token is not valid
   * @throws Problem 503 when the identity provider does not tell its keys
   */
  verify(token: string): Promise<JWTPayload>
}

export function openOtherKeys(settings: OtherKeySettings): OtherKeys {
  const { issuer, audience } = settings
  const previous = new Map(
    settings.previous.map(({ keyId, publicKey }) => [keyId, createPublicKey(publicKey)]),
  )
  const askProvider = openProviderKeys(settings)
  const options = { issuer, audience, requiredClaims: ['exp', 'sub'] }
  return {
    mustHaveSigned(token) {
      if (askProvider === undefined && previous.size === 0) return false
      const keyId = keyIdOf(token)
      return previous.has(keyId ?? '') || (askProvider !== undefined && keyId !== settings.keyId)
    },
    async verify(token) {
      const key = previous.get(keyIdOf(token) ?? '')
      if (key !== undefined)
        return (await jwtVerify(token, key, { ...options, algorithms: ['RS256'] })).payload
      if (askProvider === undefined) throw new errors.JWKSNoMatchingKey()
      const algorithms = ['RS256', 'ES256', 'EdDSA']
      return (await jwtVerify(token, askProvider, { ...options, algorithms })).payload
    },
  }
}

function openProviderKeys({ jwksUrl, discoversKeys, issuer }: OtherKeySettings) {
  if (jwksUrl !== undefined) return keysAt(jwksUrl)
  return discoversKeys ? keysOfIssuer(issuer) : undefined
}

function keyIdOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid
  } catch {
    return undefined
  }
}
