// Bearer tokens in the Authorization header (RFC 6750), and the errors for those that are refused.
import { Problem } from '../http/problem.ts'

/**
 * Checks that an Authorization header holds a token: the scheme, one space, and the characters of RFC 6750 §2.1.
 * @throws Problem 401 without a bearer token, or when it is malformed
 */
export function checkBearer(authorization: string): void {
  if (!/^bearer/i.test(authorization))
    throw new Problem('unauthorized', 'A bearer token is required.', { 'www-authenticate': 'Bearer' })
  if (!/^bearer [\w.~+/-]+=*$/i.test(authorization)) throw invalidToken('The bearer token is malformed.')
  if (!isCanonical(authorization.slice(authorization.lastIndexOf('.') + 1)))
    throw invalidToken(invalidSignature)
}

/** Returns the 401 for a token that is refused (RFC 6750 §3.1). The reason must not quote the token. */
export function invalidToken(reason: string): Problem {
  return new Problem('invalid_token', reason, {
    'www-authenticate': `Bearer error="invalid_token", error_description="${reason}"`,
  })
}

/** Returns the error for the caller when verification fails; a Problem passes unchanged. */
export function toTokenProblem(error: unknown): Problem {
  return error instanceof Problem ? error : invalidToken(reasonOf(error))
}

export const expired = 'The token has expired.'
export const invalidAlgorithm = 'The token algorithm is not accepted.'
export const invalidSignature = 'The token signature is invalid.'

/** The codes are those of @fastify/jwt and of fast-jwt beneath it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error && 'code' in error)) return 'The token is malformed.'
  switch (error.code) {
    case 'FST_JWT_AUTHORIZATION_TOKEN_EXPIRED':
      return expired
    case 'FAST_JWT_INACTIVE':
      return 'The token is not valid yet.'
    case 'FAST_JWT_INVALID_ALGORITHM':
    case 'FAST_JWT_MISSING_SIGNATURE':
      return invalidAlgorithm
    case 'FAST_JWT_VERIFY_ERROR':
      return invalidSignature
    case 'FST_JWT_AUTHORIZATION_TOKEN_INVALID':
    case 'FAST_JWT_INVALID_CLAIM_TYPE':
      // the library does not say which, except in its message, which is not for callers
      return 'The signature, issuer, audience, subject or expiry of the token is not accepted.'
    default:
      return 'The token is malformed.'
  }
}

/** The last character of base64url can have unused bits: a token must not have several spellings. */
function isCanonical(base64url: string): boolean {
  return Buffer.from(base64url, 'base64url').toString('base64url') === base64url
}
