// Who calls: bearer token → Caller (contract §1). The token is verified before anything else of the request is looked at.
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { LRUCache } from 'lru-cache'
import { Counter, Gauge, type Registry } from 'prom-client'
import { forbidden, Problem } from '../problem.ts'

/** An agent is confined to its organization; a service is not. */
export type Caller =
  | { readonly kind: 'agent'; readonly userId: string; readonly organizationId: string }
  | { readonly kind: 'service'; readonly userId: string; readonly organizationId?: undefined }

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
}

export interface TokenSettings {
  /** PEM of an RSA key that signs, and of the one that verifies */
  readonly privateKey: string
  readonly publicKey: string
  /** names the key in a token's header (RFC 7515 §4.1.4) */
  readonly keyId: string
  readonly issuer: string
  readonly audience: string
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

/** How many callers are remembered by their tokens, at about 2 KB each. */
const remembered = 2000

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
  const callers = new LRUCache<string, { caller: Caller; expiresAt: number }>({ max: remembered })
  const uses = measureCache(registry, callers)
  return (request, _reply, done) => {
    const token = bearerToken(request.headers.authorization)
    let known = callers.get(token)
    uses.lookups++
    if (known === undefined) {
      uses.misses++
      const claims = verify(app, token)
      known = { caller: toCaller(claims, settings), expiresAt: readExpiry(claims) }
      callers.set(token, known)
    }
    if (known.expiresAt <= Date.now()) throw invalidToken(expired)
    request.caller = known.caller
    done()
  }
}

/** Adds to the registry how the remembered tokens are used. @returns where the hook counts, as plain numbers */
function measureCache(registry: Registry, callers: { readonly size: number }) {
  const uses = { lookups: 0, misses: 0 }
  const registers = [registry]
  new Counter({
    name: 'token_cache_lookups_total',
    help: 'Bearer tokens that were looked for among those that were verified before; a miss is verified',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      this.inc({ result: 'hit' }, uses.lookups - uses.misses)
      this.inc({ result: 'miss' }, uses.misses)
    },
  })
  new Gauge({
    name: 'token_cache_size',
    help: 'How many verified tokens are remembered',
    registers,
    collect() {
      this.set(callers.size)
    },
  })
  return uses
}

const expired = 'The token has expired'

/** The scheme, one space, and a token of the characters that RFC 6750 §2.1 has. */
function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined || !/^bearer/i.test(authorization))
    throw new Problem('unauthorized', 'A bearer token is required.', { 'www-authenticate': 'Bearer' })
  const token = /^bearer ([\w.~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw invalidToken('Bearer token is malformed')
  return token
}

function verify(app: FastifyInstance, token: string): Record<string, unknown> {
  // the last character of a signature has bits that mean nothing: one token must not have several spellings
  const signature = token.slice(token.lastIndexOf('.') + 1)
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature)
    throw invalidToken('The signature of the token is not valid')
  try {
    return app.jwt.verify<Record<string, unknown>>(token)
  } catch (error) {
    throw invalidToken(reasonOf(error))
  }
}

function reasonOf(error: unknown): string {
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'FAST_JWT_EXPIRED':
      return expired
    case 'FAST_JWT_INACTIVE':
      return 'The token is not valid yet'
    case 'FAST_JWT_INVALID_ALGORITHM':
    case 'FAST_JWT_MISSING_SIGNATURE':
      return 'The algorithm of the token is not accepted'
    case 'FAST_JWT_INVALID_SIGNATURE':
      return 'The signature of the token is not valid'
    case 'FAST_JWT_INVALID_CLAIM_VALUE':
    case 'FAST_JWT_MISSING_REQUIRED_CLAIM':
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
