// The keys of an identity provider, which publishes them (RFC 7517) at a configured URL or at one that its metadata name.
import { KeyObject } from 'node:crypto'
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation } from 'jose'
import * as oauth from 'oauth4webapi'
import { isSecureUrl } from '../config/secure-url.ts'
import { Problem } from '../http/problem.ts'
import { invalidAlgorithm, invalidSignature, invalidToken } from './bearer.ts'

export const providerAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const

export interface ProviderKeys {
  /**
   * Finds the only key that may have signed a token of that algorithm and key id, which are not trusted.
   * @returns PEM
   * @throws Problem 401 when there is no such key, or several; 503 when the keys cannot be fetched
   */
  find(header: { readonly alg?: unknown; readonly kid?: unknown }): Promise<string>
}

/** Largest response of a provider, in bytes. */
const responseLimit = 1_048_576

/**
 * The keys at that URL, cached for ten minutes. A token of an unknown key has them fetched again: at most every five
 * seconds, and immediately after a failed fetch.
 */
export function keysAt(url: string): ProviderKeys {
  return keysFrom(url, fetchBounded)
}

/**
 * The keys of that issuer, at the URL that its metadata name: those of OpenID Connect Discovery or of RFC 8414. The
 * metadata are fetched again with each fetch of the keys.
 */
export function keysOfIssuer(issuer: string): ProviderKeys {
  return keysFrom(issuer, async (_url, options) =>
    fetchBounded(await discoverKeysUrl(issuer, options.signal), options),
  )
}

function keysFrom(url: string, fetchKeys: FetchImplementation): ProviderKeys {
  const timing = { cacheMaxAge: 600_000, cooldownDuration: 5_000, timeoutDuration: 3_000 }
  const findKey = createRemoteJWKSet(new URL(url), { ...timing, [customFetch]: fetchKeys })
  return {
    async find({ alg, kid }) {
      const algorithm = providerAlgorithms.find((one) => one === alg)
      if (algorithm === undefined) throw invalidToken(invalidAlgorithm)
      if (kid !== undefined && typeof kid !== 'string') throw invalidToken(invalidSignature)
      const key = await findKey({ alg: algorithm, ...(kid !== undefined && { kid }) }).catch(refuse)
      return toPem(KeyObject.from(key))
    },
  }
}

function refuse(error: unknown): never {
  if (isAboutToken(error)) throw invalidToken(invalidSignature)
  const problem = new Problem('unavailable', "The identity provider's keys cannot be fetched. Retry later.", {
    'retry-after': '5',
  })
  // for the log only
  problem.cause = error
  throw problem
}

/** @throws Problem 401 for an RSA key that is too short for RS256 (RFC 7518 §3.3) */
function toPem(key: KeyObject): string {
  if ((key.asymmetricKeyDetails?.modulusLength ?? 2048) < 2048) throw invalidToken(invalidSignature)
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

/** Returns the URL of an issuer's keys. Fetches both kinds of metadata at once; the first valid one counts. */
async function discoverKeysUrl(issuer: string, signal: AbortSignal): Promise<string> {
  const discover = async (algorithm: 'oidc' | 'oauth2') => {
    const response = await oauth.discoveryRequest(new URL(issuer), {
      algorithm,
      signal,
      [oauth.customFetch]: fetchBounded,
      // the settings accept http only for this machine
      [oauth.allowInsecureRequests]: true,
    })
    const metadata = await oauth.processDiscoveryResponse(new URL(issuer), response)
    // RFC 8414 §3.3 wants them identical; the library accepts another spelling of the URL
    if (metadata.issuer !== issuer) throw new Error('the metadata name another issuer')
    if (metadata.jwks_uri === undefined || !isSecureUrl(metadata.jwks_uri))
      throw new Error('the metadata name no https URL for the keys')
    return metadata.jwks_uri
  }
  return await Promise.any([discover('oidc'), discover('oauth2')])
}

/** Fetches without following redirects. Reading more than the limit from the response fails. */
async function fetchBounded(
  url: string,
  {
    headers,
    signal,
  }: {
    readonly headers: Headers | Readonly<Record<string, string>>
    readonly signal?: AbortSignal | undefined
  },
): Promise<Response> {
  const response = await fetch(url, { headers, signal: signal ?? null, redirect: 'manual' })
  let left = responseLimit
  const bounded = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.byteLength
        if (left < 0) controller.error(new Error(`the response is larger than ${responseLimit} bytes`))
        else controller.enqueue(chunk)
      },
    }),
  )
  return new Response(bounded, response)
}

/** Whether the keys were fetched, but none or several of them match the token. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}
