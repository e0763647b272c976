// The token endpoint, the public keys, and the metadata that names their URLs (contract §2).
import { randomUUID } from 'node:crypto'
import type { FastifyError, FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import { retry } from '../../database/retry.ts'
import type { Tables } from '../../database/tables.ts'
import { acceptForms } from '../../http/bodies/form-body.ts'
import { allowOrigins } from '../../http/cors.ts'
import { refuseOtherMethods, sendError } from '../../http/errors.ts'
import { limitHeldBytes } from '../../http/limits/held-bytes.ts'
import { Problem } from '../../http/problem.ts'
import type { AuditLog } from '../../observability/audit/log.ts'
import { containsScope, isScope, scopeDescriptions } from '../../types/scope.ts'
import { type Authentication, authenticateClient, type Client, type Turns } from '../clients/clients.ts'
import {
  badCredentials,
  notAForm,
  type Parameters,
  readTokenRequest,
  type TokenRequest,
} from './credentials.ts'
import { operations } from './schemas.ts'
import { openThrottle, type ThrottleLimits } from './throttle.ts'
import { recordGrant, recordRefusal } from './token-audit.ts'

export interface OauthOptions extends ThrottleLimits {
  readonly kysely: Kysely<Tables>
  /** how long a request is retried when the database is lost, in milliseconds */
  readonly retryTimeoutMs: number
  /** the public keys, the current one first */
  readonly keys: readonly Readonly<Record<string, string>>[]
  readonly issuer: string
  /** the URL of the service for clients; undefined: the one that each request used */
  readonly publicUrl: string | undefined
  /** origins of web pages that may call from a browser */
  readonly corsOrigins: readonly string[]
  readonly audit: AuditLog
  readonly ttlSeconds: number
  /** whether credentials in the query string are accepted */
  readonly queryCredentials: boolean
  /** binary logarithm of scrypt's N, for clients that do not exist */
  readonly secretCost: number
  readonly authoritiesClaim: string
  readonly organizationClaim: string
}

const tokenPath = '/security/oauth/token'
const keysPath = '/security/oauth/jwks.json'
const metadataPath = '/.well-known/oauth-authorization-server'

/** The largest form, in bytes (contract §2). */
const formLimitBytes = 16_384

/** All forms that are incomplete, in bytes; those of one address have half of it. */
const formsLimitBytes = 4_194_304

export async function oauthRoutes(app: FastifyInstance, options: OauthOptions): Promise<void> {
  await allowOrigins(app, options.corsOrigins)
  acceptForms(app, {
    limitBytes: formLimitBytes,
    held: limitHeldBytes({ limitBytes: formsLimitBytes }),
  })
  app.setErrorHandler<FastifyError>((error, request, reply) => sendError(toOauthError(error), request, reply))
  // credentials come from three places: credentials.ts reads them
  app.setValidatorCompiler(() => () => true)
  const throttle = openThrottle(options, app.log)
  const { audit } = options
  app.decorateRequest('authentication')
  app.addHook('onError', recordRefusal(audit))

  app.post<{ Querystring: Parameters; Body: Parameters | null | undefined }>(
    tokenPath,
    { schema: operations.token },
    async (request, reply) => {
      const {
        headers: { authorization },
        query,
        body: form = {},
        ip,
      } = request
      reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
      const given = readTokenRequest({ authorization, query, form }, options.queryCredentials)
      const client = await throttle({ clientId: given.clientId, address: ip }, async (turns) => {
        const authentication = await authenticateAny(options, given.clientId, given.secrets, turns)
        request.authentication = authentication
        return 'client' in authentication ? authentication.client : undefined
      })
      if (client === undefined) throw badCredentials()
      const granted = issueToken(app, withScopes(client, given), options)
      recordGrant(audit, request, client, granted)
      return granted
    },
  )
  refuseOtherMethods(app, tokenPath, ['POST'])

  app.get(keysPath, { schema: operations.keys }, async () => ({ keys: options.keys }))
  refuseOtherMethods(app, keysPath, ['GET'])

  app.get(metadataPath, { schema: operations.metadata }, async (request) => {
    const base = options.publicUrl ?? `${request.protocol}://${request.host}`
    return {
      issuer: options.issuer,
      token_endpoint: base + tokenPath,
      jwks_uri: base + keysPath,
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
      scopes_supported: Object.keys(scopeDescriptions),
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      service_documentation: `${base}/docs`,
    }
  })
  refuseOtherMethods(app, metadataPath, ['GET'])
}

/** Fastify answers 415 to a malformed content type; RFC 6749 §5.2 wants invalid_request. */
function toOauthError(error: FastifyError): Error {
  return error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' ? notAForm() : error
}

/**
 * Returns the client with the scopes that it requests; all of its scopes when it requests none.
 * @throws Problem for another grant, or a scope that the scopes of the client do not contain
 */
function withScopes(client: Client, given: TokenRequest): Client {
  if (!given.grantType)
    throw new Problem('invalid_request', 'The grant_type is missing: it must be client_credentials.')
  if (given.grantType !== 'client_credentials')
    throw new Problem('unsupported_grant_type', 'The grant_type must be client_credentials.')
  const scopes = given.scope?.split(' ').filter((scope) => scope !== '') ?? []
  if (scopes.some((scope) => !containsScope(client.scopes, scope)))
    throw new Problem('invalid_scope', 'The scope must be among the scopes of the client.')
  if (scopes.length === 0) return client
  // A token without a scope of this service can allow everything, so a limited client must not get one.
  const isLimited = client.scopes.some(isScope) && !client.scopes.includes('interactions')
  if (isLimited && !scopes.some(isScope))
    throw new Problem('invalid_scope', 'The scope must include one that allows access to interactions.')
  return { ...client, scopes: [...new Set(scopes)] }
}

async function authenticateAny(
  { kysely, retryTimeoutMs, secretCost }: OauthOptions,
  clientId: string,
  secrets: readonly string[],
  turns: Turns,
): Promise<Authentication> {
  const authenticate = async () => {
    let result: Authentication = { refusal: 'unknown client' }
    for (const secret of secrets) {
      result = await authenticateClient(kysely, clientId, secret, secretCost, turns)
      if ('client' in result) break
    }
    return result
  }
  return await retry(authenticate, retryTimeoutMs)
}

function issueToken(app: FastifyInstance, client: Client, options: OauthOptions) {
  const { clientId, role, organizationId } = client
  const jti = randomUUID()
  const scope = client.scopes.join(' ')
  const organization = organizationId === null ? {} : { [options.organizationClaim]: organizationId }
  const accessToken = app.jwt.sign({
    sub: clientId,
    client_id: clientId,
    [options.authoritiesClaim]: [role],
    scope,
    jti,
    ...organization,
  })
  return {
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: options.ttlSeconds,
    scope,
    ...(organizationId === null ? {} : { organization: organizationId }),
    sub: clientId,
    jti,
  }
}
