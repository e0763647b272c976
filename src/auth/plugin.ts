// Authentication (contract §1): verifies bearer tokens, and decorates each request with its caller.
import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { forbidden } from '../http/problem.ts'
import { invalidToken, toTokenProblem } from './bearer.ts'
import { type Claims, compileClaim, isIdentifier, organizationOf, wordsOf } from './claims.ts'
import { type KeySettings, openVerifyingKeys } from './keys.ts'
import { rememberTokens, type Verified } from './remembered-tokens.ts'
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
  /** of own tokens, and of a provider's unless `anyAudience` */
  readonly audience: string
  /** whether tokens of a provider may be for any audience, or for none */
  readonly anyAudience: boolean
  readonly ttlSeconds: number
  /** by how much the clock of who issues tokens may differ */
  readonly clockSkewSeconds: number
  /** names or paths of the claims that hold the roles, the organization and the scopes */
  readonly authoritiesClaim: string
  readonly organizationClaim: string
  readonly scopeClaim: string
  /** what a provider puts before the names of scopes; empty: nothing */
  readonly scopePrefix: string
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
    /** requests whose token names a key of this service */
    const signedHere = new WeakSet<FastifyRequest>()
    const toCaller = prepareToCaller(tokens)
    const clockTolerance = tokens.clockSkewSeconds * 1000
    const verify = async (request: FastifyRequest): Promise<Verified> => {
      const claims = await request.jwtVerify<Claims>().catch((error: unknown) => {
        throw toTokenProblem(error)
      })
      if (signedHere.has(request) && ![claims.aud].flat().includes(tokens.audience))
        throw invalidToken('The audience of the token is not accepted.')
      const expiresAt = Number(claims.exp) * 1000 + clockTolerance
      // JSON can hold 1e999, which would never expire
      if (!Number.isFinite(expiresAt)) throw invalidToken('The expiry of the token is not accepted.')
      return { caller: toCaller(claims), expiresAt }
    }
    await app.register(fastifyJwt, {
      // the header names the key
      decode: { complete: true },
      secret: {
        private: tokens.privateKey,
        public: async (request: FastifyRequest, token: TokenOrHeader) => {
          const { pem, isOwn } = await keys.find('header' in token ? token.header : token)
          if (isOwn) signedHere.add(request)
          return pem
        },
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
        clockTolerance,
        allowedIss: tokens.issuer,
        ...(tokens.anyAudience ? {} : { allowedAud: tokens.audience }),
        requiredClaims: tokens.anyAudience ? ['iss', 'exp', 'sub'] : ['iss', 'aud', 'exp', 'sub'],
      },
    })
    app.decorateRequest('caller')
    app.decorate('requireCaller', rememberTokens(registry, verify))
  },
  { name: 'auth' },
)

/**
 * Prepares the function that returns the caller of verified claims.
 * @throws Problem (that function) 401 for a subject that is no identifier, 403 with neither an organization nor the SERVICE role
 */
function prepareToCaller(settings: TokenSettings): (claims: Claims) => Caller {
  const readRoles = compileClaim(settings.authoritiesClaim)
  const readOrganization = compileClaim(settings.organizationClaim)
  const readScopes = compileClaim(settings.scopeClaim)
  return (claims) => {
    const userId = claims.sub
    if (!isIdentifier(userId)) throw invalidToken('The subject of the token is not accepted.')
    // own tokens have their scopes in `scope` whatever the provider calls them
    const scopes = wordsOf(readScopes(claims) ?? claims.scope)
    const access = toAccess(scopes, settings)
    const roles = wordsOf(readRoles(claims))
    if (roles.includes('SERVICE') || roles.includes('ROLE_SERVICE'))
      return { kind: 'SERVICE', userId, ...access }
    const organizationId = organizationOf(readOrganization(claims))
    if (organizationId !== undefined) return { kind: 'AGENT', userId, organizationId, ...access }
    throw forbidden('The token must have an organization or the role SERVICE.')
  }
}
