// Tokens that another key signed than the one which signs now: an earlier one of this service, or one of an identity
// provider, which publishes its keys (RFC 7517) and changes them as it likes.
import { createPublicKey } from 'node:crypto'
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { Problem } from '../problem.ts'

export interface OtherKeySettings {
  /** names the key that signs now */
  readonly keyId: string
  /** the keys that signed before it; PEM */
  readonly previous: readonly { readonly keyId: string; readonly publicKey: string }[]
  /** where an identity provider publishes its keys */
  readonly jwksUrl: string | undefined
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
  const { issuer, audience, jwksUrl } = settings
  const previous = new Map(
    settings.previous.map(({ keyId, publicKey }) => [keyId, createPublicKey(publicKey)]),
  )
  const askProvider = jwksUrl === undefined ? undefined : keysAt(new URL(jwksUrl))
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

function keyIdOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid
  } catch {
    return undefined
  }
}

/** Keeps the keys for ten minutes; for a key that is not among them it asks again, every five seconds at the most. */
function keysAt(url: URL): JWTVerifyGetKey {
  const timing = { cacheMaxAge: 600_000, cooldownDuration: 5_000, timeoutDuration: 3_000 }
  const find = createRemoteJWKSet(url, timing)
  return async (header, token) => {
    try {
      return await find(header, token)
    } catch (error) {
      if (isAboutToken(error)) throw error
      const message = 'The identity provider does not tell its keys. Try again.'
      const problem = new Problem('unavailable', message, { 'retry-after': '5' })
      // for the log alone
      problem.cause = error
      throw problem
    }
  }
}

/** Whether the provider did tell its keys, but the token is of none of them. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}
