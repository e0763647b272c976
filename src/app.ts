// The application, in reading order. Opens nothing, so it has nothing to close.
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { Registry } from 'prom-client'
import { v4 as randomId } from 'uuid'
import { authPlugin } from './auth/plugin.ts'
import { oauthComponents } from './auth/schemas.ts'
import type { SigningKey } from './auth/signing-key.ts'
import { oauthRoutes } from './auth/token-endpoint.ts'
import type { Config } from './config/config.ts'
import type { Database } from './database/database.ts'
import { watchConnections } from './http/connections.ts'
import { allowOrigins } from './http/cors.ts'
import {
  answerBrokenRequest,
  answerError,
  answerNotFound,
  commonHeaders,
  registerErrors,
} from './http/errors.ts'
import { limitBodies, limitUnreadResponses } from './http/memory-limits.ts'
import { registerOpenapi } from './http/openapi/openapi.ts'
import { interactionRepository } from './interactions/repository.ts'
import { resilientRepository } from './interactions/resilient-repository.ts'
import { interactionRoutes } from './interactions/routes.ts'
import { interactionComponents } from './interactions/schemas.ts'
import { prepareCreateOnce } from './interactions/sql/idempotent-insert.ts'
import { prepareWalk } from './interactions/sql/scan.ts'
import { registerDatabaseMetrics } from './observability/database-metrics.ts'
import { healthRoutes } from './observability/health.ts'
import { metricsRoutes } from './observability/metrics.ts'
import { registerProcessMetrics } from './observability/process-metrics.ts'
import { measureRequests } from './observability/request-metrics.ts'
import { registerTotalsMetrics } from './observability/totals-metrics.ts'

export interface AppParts {
  readonly config: Config
  readonly database: Database
  readonly signingKey: SigningKey
  readonly log: FastifyBaseLogger
}

export async function buildApp({ config, database, signingKey, log }: AppParts): Promise<FastifyInstance> {
  const connections = watchConnections(config.http)
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: [...config.http.trustedProxies],
    bodyLimit: config.http.bodyLimitBytes,
    requestTimeout: config.http.requestTimeoutMs,
    // how long a connection with a request under way may stand still
    connectionTimeout: config.http.unreadTimeoutMs,
    // how often Node looks for requests that take too long to arrive
    http: {
      headersTimeout: config.http.requestTimeoutMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: config.http.headerLimitBytes,
      requireHostHeader: false,
    },
    // percent-encoded, an id of 255 characters can have 3,060
    routerOptions: { maxParamLength: 3_060 },
    requestIdHeader: false,
    genReqId: ({ headers }) => saneRequestId(headers['x-request-id']) ?? randomId(),
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET') socket.destroy(error)
      else connections.onBroken(socket, () => answerBrokenRequest(error, socket))
    },
  })
  // Requests are read by the rooms themselves, and replies are written by them: see interactions/schema.ts.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  registerErrors(app)
  connections.watch(app)
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.headers(commonHeaders(request.id))
    // JSON has no charset (RFC 8259 §11), and Spring sends none
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8') reply.type('application/json')
    done()
  })
  if (config.logLevel === 'debug' || config.logLevel === 'trace') app.addHook('onResponse', logAnswer)

  const registry = new Registry()
  measureRequests(app, registry)
  const measuring = [registerProcessMetrics(registry), registerDatabaseMetrics(registry, database)]
  app.addHook('onClose', async () => {
    for (const stop of measuring) stop()
  })
  if (config.keepsTotals) registerTotalsMetrics(registry, database)

  await app.register(authPlugin, { tokens: { ...config.tokens, ...signingKey }, registry })
  await registerOpenapi(app, {
    components: [...interactionComponents, ...oauthComponents],
    publicUrl: config.http.publicUrl,
    grantsTokens: config.tokens.endpoint,
  })
  await app.register(healthRoutes, { isReady: () => database.ping() })
  await app.register(metricsRoutes, { registry })
  if (config.tokens.endpoint)
    await app.register(oauthRoutes, {
      ...config.tokens,
      kysely: database.kysely,
      retryTimeoutMs: database.retryTimeoutMs,
      keys: [signingKey, ...signingKey.previous].map(({ jwk }) => jwk),
      publicUrl: config.http.publicUrl,
      corsOrigins: config.http.corsOrigins,
    })
  await app.register(
    async (rtcApi) => {
      await allowOrigins(rtcApi, config.http.corsOrigins)
      rtcApi.addHook('onRequest', app.requireCaller)
      rtcApi.addHook('onRequest', limitBodies(config.http))
      const noteAnswer = limitUnreadResponses(config.http.unreadLimitBytes)
      rtcApi.addHook('onSend', (_request, reply, payload, done) => {
        reply.header('cache-control', 'no-store')
        done(null, noteAnswer(reply.raw, payload))
      })
      rtcApi.setNotFoundHandler(answerNotFound)
      const repository = interactionRepository(database, { keepsTotals: config.keepsTotals })
      const { poolSize, longestWaitMs } = config.database
      await rtcApi.register(interactionRoutes, {
        repository: resilientRepository(repository, database.retryTimeoutMs),
        createOnce: prepareCreateOnce(database),
        // a stream is in no hurry: its batches wait for each other
        walk: prepareWalk(database, { atOnce: Math.ceil(poolSize / 5) }),
        // the other half of the connections is left to reads and writes
        searches: { concurrency: Math.ceil(poolSize / 2), longestWaitMs },
        publicUrl: config.http.publicUrl,
      })
    },
    { prefix: '/rtc-api' },
  )
  return app
}

async function logAnswer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { method, routeOptions, ip } = request
  const caller = request.caller?.userId
  const milliseconds = Math.round(reply.elapsedTime)
  request.log.debug(
    { method, route: routeOptions.url, status: reply.statusCode, milliseconds, caller, ip },
    'answered',
  )
}

/** A caller's own request id, when it can stand in a header and a log line as it is. */
function saneRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\w.:/+=@-]{1,128}$/.test(header) ? header : undefined
}
