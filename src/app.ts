// Builds the application: plugins and routes in reading order. Opens no resources.
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { Registry } from 'prom-client'
import { authPlugin } from './auth/plugin.ts'
import type { SigningKey } from './auth/signing-key.ts'
import { oauthComponents } from './auth/tokens/schemas.ts'
import { oauthRoutes } from './auth/tokens/token-endpoint.ts'
import type { Config } from './config/config.ts'
import type { Database } from './database/database.ts'
import { limitWaiting } from './http/admission.ts'
import { deferContinue } from './http/bodies/body-reader.ts'
import { acceptJsonObjects } from './http/bodies/json-body.ts'
import { watchConnections } from './http/connections.ts'
import { allowOrigins } from './http/cors.ts'
import {
  pathNotFound,
  refuseOtherMethods,
  registerErrors,
  rejectUnknownPath,
  rejectUnknownPathEarly,
  routeAllMethods,
  sendBrokenRequestError,
  sendError,
} from './http/errors.ts'
import { limitHeldBytes } from './http/limits/held-bytes.ts'
import { limitRate } from './http/limits/rate-limit.ts'
import { limitUnreadResponses } from './http/limits/unread-responses.ts'
import { registerOpenapi } from './http/openapi/openapi.ts'
import { checkRequestHeads, requestIdOf } from './http/request-head.ts'
import { completeHeads } from './http/response-head.ts'
import { validatorCompiler } from './http/validation.ts'
import { createRoute } from './interactions/create.ts'
import { listRoute } from './interactions/list.ts'
import { readRoute } from './interactions/read.ts'
import { interactionRepository } from './interactions/repository.ts'
import { interactionComponents } from './interactions/responses.ts'
import { updateRoute } from './interactions/update.ts'
import type { AuditLog } from './observability/audit/log.ts'
import { auditRequests } from './observability/audit/requests.ts'
import { registerAuditMetrics } from './observability/audit-metrics.ts'
import { registerDatabaseMetrics } from './observability/database-metrics.ts'
import { healthRoutes } from './observability/health.ts'
import { metricsRoutes } from './observability/metrics.ts'
import { registerProcessMetrics } from './observability/process-metrics.ts'
import { logResponse, RequestLog } from './observability/request-log.ts'
import { measureRequests } from './observability/request-metrics.ts'
import { registerTotalsMetrics } from './observability/totals-metrics.ts'

export interface AppParts {
  readonly config: Config
  readonly database: Database
  readonly signingKey: SigningKey
  readonly log: FastifyBaseLogger
  readonly audit: AuditLog
}

export async function buildApp({
  config,
  database,
  signingKey,
  log,
  audit,
}: AppParts): Promise<FastifyInstance> {
  const connections = watchConnections(config.http)
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (parent, bindings, options) => new RequestLog(parent, bindings, options),
    trustProxy: [...config.http.trustedProxies],
    bodyLimit: config.http.bodyLimitBytes,
    requestTimeout: config.http.requestTimeoutMs,
    // maximum idle time of a connection during a request, in milliseconds
    connectionTimeout: config.http.unreadTimeoutMs,
    http: {
      headersTimeout: config.http.requestTimeoutMs,
      // how often Node checks for requests that take too long to arrive, in milliseconds
      connectionsCheckingInterval: 1000,
      maxHeaderSize: config.http.headerLimitBytes,
      requireHostHeader: false,
    },
    // An id of 255 characters has up to 3,060 when percent-encoded.
    routerOptions: { maxParamLength: 3_060 },
    requestIdHeader: false,
    genReqId: requestIdOf,
    return503OnClosing: false,
    frameworkErrors: sendError,
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET') socket.destroy(error)
      else connections.onBroken(socket, () => sendBrokenRequestError(error, socket))
    },
  })
  routeAllMethods(app)
  deferContinue(app)
  // No body is read, except where a scope accepts it.
  app.removeAllContentTypeParsers()
  app.setValidatorCompiler(validatorCompiler)
  // Routes serialize large responses themselves.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  checkRequestHeads(app)
  registerErrors(app)
  connections.watch(app)
  completeHeads(app, config.http.bodyLimitBytes)
  app.addHook('onSend', limitUnreadResponses(config.http.unreadLimitBytes))
  if (config.logLevel === 'debug' || config.logLevel === 'trace') app.addHook('onResponse', logResponse)

  const registry = new Registry()
  const requests = measureRequests(app)
  const metrics = [registerProcessMetrics(registry), registerDatabaseMetrics(registry, database)]
  app.addHook('onClose', async () => {
    for (const stopMeasuring of metrics) stopMeasuring()
  })
  if (config.keepsTotals) registerTotalsMetrics(registry, database)
  registerAuditMetrics(registry, audit)

  await app.register(authPlugin, { tokens: { ...config.tokens, ...signingKey }, registry })
  await registerOpenapi(app, {
    components: [...interactionComponents, ...oauthComponents],
    publicUrl: config.http.publicUrl,
    grantsTokens: config.tokens.endpoint,
  })
  await app.register(healthRoutes, { ping: () => database.ping() })
  await app.register(metricsRoutes, { registry, requests })
  if (config.tokens.endpoint)
    await app.register(oauthRoutes, {
      ...config.tokens,
      kysely: database.kysely,
      retryTimeoutMs: database.retryTimeoutMs,
      keys: [signingKey, ...signingKey.previous].map(({ jwk }) => jwk),
      publicUrl: config.http.publicUrl,
      audit,
      corsOrigins: config.http.corsOrigins,
    })
  await app.register(
    async (rtcApi) => {
      await allowOrigins(rtcApi, config.http.corsOrigins)
      auditRequests(rtcApi, audit)
      rtcApi.addHook('onRequest', app.requireCaller)
      await limitRate(rtcApi, config.http.rateLimitPerClient)
      rtcApi.addHook('onSend', (_request, reply, _payload, done) => {
        reply.header('cache-control', 'no-store')
        done()
      })
      rtcApi.setNotFoundHandler(rejectUnknownPath)
      await rtcApi.register(interactionRoutes, { config, database })
    },
    { prefix: '/rtc-api' },
  )
  // the last hook of each scope as well: below /rtc-api, callers are verified first
  app.addHook('onRequest', rejectUnknownPathEarly)
  return app
}

/** Concurrent requests of each kind: enough to fill the current batches of the repository and the next ones. */
const concurrency = { reads: 300, writes: 400, cheapSearches: 64 } as const

/** How many more of each kind may run of callers that have none running; of searches that are not cheap. */
const [reserve, searchReserve] = [32, 2]

/** Adds the interaction routes. Each kind has its own limit: too many requests of one kind do not delay the others. */
async function interactionRoutes(
  app: FastifyInstance,
  { config, database }: Pick<AppParts, 'config' | 'database'>,
): Promise<void> {
  const { poolSize, longestWaitMs, searchTimeoutMs } = config.database
  const repository = interactionRepository(database, {
    keepsTotals: config.keepsTotals,
    scanConcurrency: Math.ceil(poolSize / 5),
    searchTimeoutMs,
  })
  const admit = (concurrent: number, more: number = reserve) =>
    limitWaiting({ concurrency: Math.ceil(concurrent), reserve: more, longestWaitMs })
  const admitWrite = admit(concurrency.writes)
  acceptJsonObjects(app, {
    limitBytes: config.http.bodyLimitBytes,
    held: limitHeldBytes({ limitBytes: config.http.bodiesLimitBytes }),
  })
  app.addHook<{ Params: { interactionId?: string } }>('onRequest', ({ params }, _reply, done) => {
    // `/interactions/` is an unknown path.
    done(params.interactionId === '' ? pathNotFound() : undefined)
  })
  createRoute(app, { repository, admit: admitWrite })
  listRoute(app, {
    repository,
    admit: {
      cheap: admit(concurrency.cheapSearches),
      // More at a time, of one organization, would take the processors from the reads and writes of others.
      short: admit(poolSize / 3, searchReserve),
      long: admit(poolSize / 5, searchReserve),
    },
    searchTimeoutMs,
    publicUrl: config.http.publicUrl ?? '',
  })
  refuseOtherMethods(app, '/interactions', ['GET', 'POST'])
  readRoute(app, { repository, admit: admit(concurrency.reads) })
  updateRoute(app, { repository, admit: admitWrite })
  refuseOtherMethods(app, '/interactions/:interactionId', ['GET', 'PUT'])
}
