// Who calls: bearer token → Caller (contract §1). The token is verified before anything else of the request is looked at.
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Registry } from 'prom-client'
import { forbidden, Problem } from '../http/problem.ts'
import { measureCallers } from '../observability/token-metrics.ts'
import { type OtherKeySettings, openOtherKeys } from './keys.ts'

/** An agent is confined to its organization; a service is not. */
export type Caller =
  | { readonly kind: 'agent'; readonly userId: string; readonly organizationId: string }
  | { readonly kind: 'service'; readonly userId: string; readonly organizationId?: undefined }

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
}

export interface TokenSettings extends OtherKeySettings {
  /** PEM of an RSA key that signs, and of the one that verifies */
  readonly privateKey: string
  readonly publicKey: string
  readonly ttlSeconds: number
  /** which claims hold the roles and the organization */
  readonly authoritiesClaim: string
  readonly organizationClaim: string
}

/** Gives the app its `jwt`, which signs and verifies RS256 alone, for one issuer and one audience. */
export async function registerJwt(app: FastifyInstance, settings: TokenSettings): Promise<void> {
  await app.register(fastifyJwt, {
    secret: { private: settings.privateKey, public: settings.publicKey },
    sign: {
      algorithm: 'RS256',
      kid: settings.keyId,
      iss: settings.issuer,
      aud: settings.audience,
      // seconds, unlike in fast-jwt beneath
      expiresIn: settings.ttlSeconds,
    },
    verify: {
      algorithms: ['RS256'],
      allowedIss: settings.issuer,
      allowedAud: settings.audience,
      requiredClaims: ['iss', 'aud', 'exp', 'sub'],
    },
  })
  app.decorateRequest('caller')
}

/** What is remembered of a token that was verified. */
interface KnownCaller {
  /** the whole header that it came in */
  readonly authorization: string
  readonly caller: Caller
  /** milliseconds since 1970 */
  readonly expiresAt: number
}

/** How many callers are remembered by their tokens, at about 2 KB each. */
const remembered = 2000

/** By so many last characters a caller is looked for: the whole header, which is compared then, takes longer to hash. */
const keyLength = 43

/**
 * An onRequest hook that sets `request.caller`. Verifying a signature costs more than the rest of a request, so the
 * caller of a token that was verified is remembered, by the whole token, until the token expires.
 * @throws Problem 401 without a valid token, 403 when the token is of neither an organization nor a service
 */
export function requireCaller(
  app: FastifyInstance,
  settings: TokenSettings,
  registry: Registry,
): onRequestHookHandler {
  const callers = new LRUCache<string, KnownCaller>({ max: remembered })
  const uses = measureCallers(registry, callers)
  const otherKeys = openOtherKeys(settings)
  const remember = (authorization: string, claims: Record<string, unknown>) => {
    const known = { authorization, caller: toCaller(claims, settings), expiresAt: readExpiry(claims) }
    callers.set(authorization.slice(-keyLength), known)
    return known
  }
  return (request, _reply, done) => {
    const { authorization = '' } = request.headers
    const admit = ({ caller, expiresAt }: KnownCaller) => {
      if (expiresAt <= Date.now()) throw invalidToken(expired)
      request.caller = caller
    }
    let known = callers.get(authorization.slice(-keyLength))
    if (known?.authorization !== authorization) {
      const token = bearerToken(authorization)
      uses.misses++
      refuseOtherSpellings(token)
      if (otherKeys.mustHaveSigned(token))
        return void otherKeys
          .verify(token)
          .catch(refuse)
          .then((claims) => admit(remember(authorization, claims)))
          .then(() => done(), done)
      known = remember(authorization, verify(app, token))
    } else uses.hits++
    admit(known)
    done()
  }
}

const expired = 'The token has expired'

/** The scheme, one space, and a token of the characters that RFC 6750 §2.1 has. */
function bearerToken(authorization: string): string {
  if (!/^bearer/i.test(authorization))
    throw new Problem('unauthorized', 'A bearer token is required.', { 'www-authenticate': 'Bearer' })
  const token = /^bearer ([\w.~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw invalidToken('Bearer token is malformed')
  return token
}

/** The last character of a signature has bits that mean nothing: one token must not have several spellings. */
function refuseOtherSpellings(token: string): void {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature)
    throw invalidToken('The signature of the token is not valid')
}

function verify(app: FastifyInstance, token: string): Record<string, unknown> {
  try {
    return app.jwt.verify<Record<string, unknown>>(token)
  } catch (error) {
    return refuse(error)
  }
}

function refuse(error: unknown): never {
  throw error instanceof Problem ? error : invalidToken(reasonOf(error))
}

function reasonOf(error: unknown): string {
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'FAST_JWT_EXPIRED':
    case 'ERR_JWT_EXPIRED':
      return expired
    case 'FAST_JWT_INACTIVE':
      return 'The token is not valid yet'
    case 'FAST_JWT_INVALID_ALGORITHM':
    case 'FAST_JWT_MISSING_SIGNATURE':
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
    case 'ERR_JOSE_NOT_SUPPORTED':
      return 'The algorithm of the token is not accepted'
    case 'FAST_JWT_INVALID_SIGNATURE':
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
    case 'ERR_JWKS_NO_MATCHING_KEY':
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return 'The signature of the token is not valid'
    case 'FAST_JWT_INVALID_CLAIM_VALUE':
    case 'FAST_JWT_MISSING_REQUIRED_CLAIM':
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return 'The issuer, audience, subject or expiry of the token is not accepted'
    default:
      return 'The token is malformed'
  }
}

/** Milliseconds since 1970. What JSON can write and no clock reaches, such as 1e999, would be never. */
function readExpiry(claims: Record<string, unknown>): number {
  const expiresAt = Number(claims.exp) * 1000
  if (!Number.isFinite(expiresAt)) throw invalidToken('The expiry of the token is not accepted')
  return expiresAt
}

function toCaller(claims: Record<string, unknown>, settings: TokenSettings): Caller {
  const userId = claims.sub
  if (!isIdentifier(userId)) throw invalidToken('The subject of the token is not accepted')
  const authorities = claims[settings.authoritiesClaim]
  const roles: unknown[] = Array.isArray(authorities) ? authorities : [authorities]
  if (roles.includes('SERVICE') || roles.includes('ROLE_SERVICE')) return { kind: 'service', userId }
  const organizationId = claims[settings.organizationClaim]
  if (isIdentifier(organizationId)) return { kind: 'agent', userId, organizationId }
  throw forbidden('The token is of neither an organization nor a service')
}

function isIdentifier(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    [...value].length <= 255 &&
    value.isWellFormed() &&
    !value.includes('\u0000')
  )
}

function invalidToken(reason: string): Problem {
  return new Problem('invalid_token', reason, {
    'www-authenticate': `Bearer error="invalid_token", error_description="${reason}"`,
  })
}
