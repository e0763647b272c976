// Authentication (contract §1): verifies bearer tokens, and decorates each request with its caller.
import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import type { Registry } from 'prom-client'
import { forbidden } from '../http/problem.ts'
import { measureCallers } from '../observability/token-metrics.ts'
import { identifierError } from '../types/identifier.ts'
import { checkBearer, expired, invalidToken, toTokenProblem } from './bearer.ts'
import { type KeySettings, openVerifyingKeys } from './keys.ts'
import { type Access, toAccess } from './scopes.ts'

/** An AGENT is confined to its organization, whatever its role there; a SERVICE reaches every organization. */
export type Caller = Access &
  (
    | { readonly kind: 'AGENT'; readonly userId: string; readonly organizationId: string }
    | { readonly kind: 'SERVICE'; readonly userId: string }
  )

/** Returns the organization that a caller is confined to; undefined for a SERVICE. */
export function organizationScope(caller: Caller): string | undefined {
  return caller.kind === 'AGENT' ? caller.organizationId : undefined
}

/** Whether a caller of that scope may read and write what belongs to an organization. */
export function isInScope(organizationId: string, scope: string | undefined): boolean {
  return scope === undefined || scope === organizationId
}

/** Returns what the requests of a caller are counted by: its organization; of a SERVICE, the user, marked by a NUL. */
export function holderOf(caller: Caller): string {
  return caller.kind === 'AGENT' ? caller.organizationId : `\u0000${caller.userId}`
}

type Claims = Readonly<Record<string, unknown>>

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
  interface FastifyInstance {
    /** An onRequest hook that sets `request.caller`; 401 without a valid token, 403 without organization and role. */
    requireCaller: onRequestHookHandler
  }
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: Claims
    user: Claims
  }
}

export interface TokenSettings extends KeySettings {
  /** PEM of the RSA key that signs */
  readonly privateKey: string
  readonly audience: string
  readonly ttlSeconds: number
  /** the claims that hold the roles and the organization */
  readonly authoritiesClaim: string
  readonly organizationClaim: string
  /** whether a token without a scope of this service is refused */
  readonly requireScope: boolean
}

export interface AuthOptions {
  readonly tokens: TokenSettings
  readonly registry: Registry
}

/** Decorates the app with `jwt`, which signs and verifies tokens, and with the hook `requireCaller`. */
export const authPlugin = fastifyPlugin<AuthOptions>(
  async (app, { tokens, registry }) => {
    const keys = openVerifyingKeys(tokens)
    await app.register(fastifyJwt, {
      // the header names the key
      decode: { complete: true },
      secret: {
        private: tokens.privateKey,
        public: (_request: FastifyRequest, token: TokenOrHeader) =>
          keys.find('header' in token ? token.header : token),
      },
      sign: {
        algorithm: 'RS256',
        kid: tokens.keyId,
        iss: tokens.issuer,
        aud: tokens.audience,
        // seconds, unlike in fast-jwt beneath
        expiresIn: tokens.ttlSeconds,
      },
      verify: {
        algorithms: keys.algorithms,
        allowedIss: tokens.issuer,
        allowedAud: tokens.audience,
        requiredClaims: ['iss', 'aud', 'exp', 'sub'],
      },
    })
    app.decorateRequest('caller')
    app.decorate(
      'requireCaller',
      rememberCallers(registry, (request) => verifyToken(request, tokens)),
    )
  },
  { name: 'auth' },
)

interface VerifiedCaller {
  readonly caller: Caller
  /** milliseconds since 1970 */
  readonly expiresAt: number
}

/** @throws Problem 401 when the token is not valid, 403 when it has neither an organization nor the SERVICE role */
async function verifyToken(request: FastifyRequest, settings: TokenSettings): Promise<VerifiedCaller> {
  const claims = await request.jwtVerify<Claims>().catch((error: unknown) => {
    throw toTokenProblem(error)
  })
  const expiresAt = Number(claims.exp) * 1000
  // JSON can hold 1e999, which would never expire
  if (!Number.isFinite(expiresAt)) throw invalidToken('The expiry of the token is not accepted.')
  return { caller: toCaller(claims, settings), expiresAt }
}

function toCaller(claims: Claims, settings: TokenSettings): Caller {
  const { authoritiesClaim, organizationClaim } = settings
  const userId = claims.sub
  if (!isIdentifier(userId)) throw invalidToken('The subject of the token is not accepted.')
  const access = toAccess(claims.scope, settings.requireScope)
  const roles = [claims[authoritiesClaim]].flat()
  if (roles.includes('SERVICE') || roles.includes('ROLE_SERVICE'))
    return { kind: 'SERVICE', userId, ...access }
  const organizationId = claims[organizationClaim]
  if (isIdentifier(organizationId)) return { kind: 'AGENT', userId, organizationId, ...access }
  throw forbidden('The token must have an organization or the role SERVICE.')
}

function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && identifierError(value) === undefined
}

/** How many callers are remembered by their tokens, at about 2 KB each. */
const maxRemembered = 2000

/** Cache key: the last 43 characters of the header, which are cheaper to hash than all; then all are compared. */
const keyLength = 43

/** Verifying a signature costs more than the rest of a request: remembers the callers of valid tokens until they expire. */
function rememberCallers(
  registry: Registry,
  verify: (request: FastifyRequest) => Promise<VerifiedCaller>,
): onRequestHookHandler {
  const remembered = new LRUCache<string, VerifiedCaller & { readonly authorization: string }>({
    max: maxRemembered,
  })
  const uses = measureCallers(registry, remembered)
  const admit = (request: FastifyRequest, { caller, expiresAt }: VerifiedCaller) => {
    if (expiresAt <= Date.now()) throw invalidToken(expired)
    request.caller = caller
  }
  const verifyAndRemember = async (request: FastifyRequest, authorization: string) => {
    uses.misses++
    const verified = { authorization, ...(await verify(request)) }
    remembered.set(authorization.slice(-keyLength), verified)
    return verified
  }
  /** Requests that bring the same new token at once share its verification. */
  const verifying = new Map<string, Promise<VerifiedCaller>>()
  const verifyOnce = (request: FastifyRequest, authorization: string) => {
    const running = verifying.get(authorization)
    if (running !== undefined) return running
    const started = verifyAndRemember(request, authorization).finally(() => verifying.delete(authorization))
    verifying.set(authorization, started)
    return started
  }
  return (request, _reply, done) => {
    const { authorization = '' } = request.headers
    const known = remembered.get(authorization.slice(-keyLength))
    if (known?.authorization === authorization) {
      uses.hits++
      admit(request, known)
      done()
    } else {
      checkBearer(authorization)
      verifyOnce(request, authorization)
        .then((verified) => admit(request, verified))
        .then(() => done(), done)
    }
  }
}
