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
import { limitWaiting } from './http/admission.ts'
import { watchConnections } from './http/connections.ts'
import { allowOrigins } from './http/cors.ts'
import {
  answerBrokenRequest,
  answerError,
  answerNotFound,
  commonHeaders,
  nothingHere,
  refuseOtherMethods,
  registerErrors,
} from './http/errors.ts'
import { acceptJsonObjects } from './http/json-body.ts'
import { limitBodies, limitUnreadResponses } from './http/memory-limits.ts'
import { registerOpenapi } from './http/openapi/openapi.ts'
import { validatorCompiler } from './http/validation.ts'
import { createRoute } from './interactions/create.ts'
import { listRoute } from './interactions/list.ts'
import { readRoute } from './interactions/read.ts'
import { interactionRepository } from './interactions/repository.ts'
import { interactionComponents } from './interactions/responses.ts'
import { updateRoute } from './interactions/update.ts'
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
  app.setValidatorCompiler(validatorCompiler)
  // routes write the text of large responses themselves
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
      await rtcApi.register(interactionRoutes, { config, database })
    },
    { prefix: '/rtc-api' },
  )
  return app
}

/** Requests of each kind that run at once: enough to fill the repository's current batches and the next ones. */
const concurrency = { reads: 300, writes: 400, cheapSearches: 64 } as const

/** Separate limits, so that too many requests of one kind do not delay the others. */
async function interactionRoutes(
  app: FastifyInstance,
  { config, database }: Pick<AppParts, 'config' | 'database'>,
): Promise<void> {
  const { poolSize, longestWaitMs } = config.database
  const repository = interactionRepository(database, {
    keepsTotals: config.keepsTotals,
    // streams need not be fast: their batches wait for each other
    scanConcurrency: Math.ceil(poolSize / 5),
  })
  const admitWrite = limitWaiting({ concurrency: concurrency.writes, longestWaitMs })
  acceptJsonObjects(app)
  app.addHook<{ Params: { interactionId?: string } }>('onRequest', ({ params }, _reply, done) => {
    // a slash with nothing after it is another path
    done(params.interactionId === '' ? nothingHere() : undefined)
  })
  createRoute(app, { repository, admit: admitWrite })
  listRoute(app, {
    repository,
    admitCheap: limitWaiting({ concurrency: concurrency.cheapSearches, longestWaitMs }),
    // the other half of the connections is for reads and writes
    admit: limitWaiting({ concurrency: Math.ceil(poolSize / 2), longestWaitMs }),
    publicUrl: config.http.publicUrl ?? '',
  })
  refuseOtherMethods(app, '/interactions', ['GET', 'POST'])
  readRoute(app, { repository, admit: limitWaiting({ concurrency: concurrency.reads, longestWaitMs }) })
  updateRoute(app, { repository, admit: admitWrite })
  refuseOtherMethods(app, '/interactions/:interactionId', ['GET', 'PUT'])
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
