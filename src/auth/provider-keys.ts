// The keys of an identity provider, which publishes them (RFC 7517) at a place that is given, or that its metadata tell.
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose'
import * as oauth from 'oauth4webapi'
import { isSecureUrl } from '../config/secure-url.ts'
import { Problem } from '../http/problem.ts'

/** How much a provider may tell, in bytes. */
const answerLimit = 1_048_576

/**
 * The keys that stand there, kept for ten minutes. For one that is not among them they are asked for again, every five
 * seconds at the most; and at once when they could not be had.
 * @returns a function that throws a JOSEError when the token is of none of them, and Problem 503 when they are not told
 */
export function keysAt(url: string): JWTVerifyGetKey {
  return keysFrom(url, fetchBounded)
}

/**
 * The keys of that issuer, at the place that its metadata tell: those of OpenID Connect Discovery, or of RFC 8414,
 * whichever it has. They are looked up anew each time that keys are asked for, which `keysAt` says.
 */
export function keysOfIssuer(issuer: string): JWTVerifyGetKey {
  return keysFrom(issuer, async (_url, options) =>
    fetchBounded(await keysPlace(issuer, options.signal), options),
  )
}

function keysFrom(url: string, fetchKeys: FetchImplementation): JWTVerifyGetKey {
  const timing = { cacheMaxAge: 600_000, cooldownDuration: 5_000, timeoutDuration: 3_000 }
  const find = createRemoteJWKSet(new URL(url), { ...timing, [customFetch]: fetchKeys })
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

/** Where an issuer publishes its keys. Both kinds of metadata are asked for at once; the first valid one counts. */
async function keysPlace(issuer: string, signal: AbortSignal): Promise<string> {
  const ask = async (algorithm: 'oidc' | 'oauth2') => {
    const response = await oauth.discoveryRequest(new URL(issuer), {
      algorithm,
      signal,
      [oauth.customFetch]: fetchBounded,
      // whether it may be asked without https is what the settings have decided
      [oauth.allowInsecureRequests]: true,
    })
    const metadata = await oauth.processDiscoveryResponse(new URL(issuer), response)
    // RFC 8414 §3.3: identical, where the library takes two spellings of a URL for one
    if (metadata.issuer !== issuer) throw new Error('the metadata are of another issuer')
    if (metadata.jwks_uri === undefined || !isSecureUrl(metadata.jwks_uri))
      throw new Error('the metadata name no https URL for the keys')
    return metadata.jwks_uri
  }
  return await Promise.any([ask('oidc'), ask('oauth2')])
}

/** Fetches what stands at that URL itself, no redirect followed; reading more of it than it may have fails. */
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
  let left = answerLimit
  const bounded = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.byteLength
        if (left < 0) controller.error(new Error(`the answer is larger than ${answerLimit} bytes`))
        else controller.enqueue(chunk)
      },
    }),
  )
  return new Response(bounded, response)
}

/** Whether the provider did tell its keys, but the token is of none of them. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}
