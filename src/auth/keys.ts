// The public keys that verify tokens: this service's own, current and previous, and those of an identity provider.
import { invalidAlgorithm, invalidToken } from './bearer.ts'
import { keysAt, keysOfIssuer, type ProviderKeys, providerAlgorithms } from './provider-keys.ts'

export interface KeySettings {
  /** names the key that signs now */
  readonly keyId: string
  /** PEM of that key */
  readonly publicKey: string
  /** the keys that signed before it; PEM */
  readonly previous: readonly { readonly keyId: string; readonly publicKey: string }[]
  /** where an identity provider publishes its keys */
  readonly jwksUrl: string | undefined
  /** whether the issuer is such a provider, whose metadata name that place */
  readonly discoversKeys: boolean
  readonly issuer: string
}

interface TokenHeader {
  readonly alg?: unknown
  readonly kid?: unknown
  readonly typ?: unknown
}

/**
 * Opens the keys of a service. Without a provider, the current key verifies every token that names no previous key.
 */
export function openVerifyingKeys(settings: KeySettings) {
  const own = new Map<unknown, string>(
    [settings, ...settings.previous].map(({ keyId, publicKey }) => [keyId, publicKey]),
  )
  const provider = openProvider(settings)
  return {
    /** the algorithms of all these keys */
    algorithms: provider === undefined ? ['RS256' as const] : [...providerAlgorithms],
    /**
     * Finds the only key that may have signed a token with that header, which is not trusted.
     * @returns PEM, and whether it is a key of this service
     * @throws Problem 401 when there is no such key, or the token is no access token; 503 when the provider's keys cannot be fetched
     */
    async find({ alg, kid, typ }: TokenHeader): Promise<{ readonly pem: string; readonly isOwn: boolean }> {
      if (!isAccessTokenType(typ)) throw invalidToken('The token type is not accepted.')
      const key = own.get(kid)
      if (key === undefined && provider !== undefined)
        return { pem: await provider.find({ alg, kid }), isOwn: false }
      if (alg !== 'RS256') throw invalidToken(invalidAlgorithm)
      return { pem: key ?? settings.publicKey, isOwn: true }
    },
  }
}

/** Whether a token may be an access token (RFC 9068 §2.1): an ID token or a logout token may be typed otherwise. */
function isAccessTokenType(typ: unknown): boolean {
  return typ === undefined || (typeof typ === 'string' && /^(?:JWT|(?:application\/)?at\+jwt)$/i.test(typ))
}

function openProvider({ jwksUrl, discoversKeys, issuer }: KeySettings): ProviderKeys | undefined {
  if (jwksUrl !== undefined) return keysAt(jwksUrl)
  return discoversKeys ? keysOfIssuer(issuer) : undefined
}
