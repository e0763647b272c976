// Turns thrown errors into responses (contract §7). Unexpected errors are logged, and callers see no details of them.
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, METHODS, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HTTPMethods,
  onRequestHookHandler,
} from 'fastify'
import { databaseFailure, ReadOnlyError } from '../database/sqlstate.ts'
import { hangUp } from './connections.ts'
import { InvalidRequest, Problem } from './problem.ts'
import { commonHeaders } from './response-head.ts'

/** Handles errors of all routes, unknown paths, and requests that Node would answer itself. */
export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler(sendError)
  app.setNotFoundHandler(rejectUnknownPath)
  app.server.on('checkExpectation', rejectExpectation)
}

/** Responds to expectations other than `100-continue` (RFC 9110 §10.1.1). */
function rejectExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const problem = new Problem('expectation_failed', 'The Expect header must be 100-continue.')
  const body = JSON.stringify(problem.body())
  response
    .writeHead(problem.status, {
      ...commonHeaders(randomUUID()),
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      // The client may send the body anyway.
      connection: 'close',
    })
    .end(body)
}

export async function rejectUnknownPath(): Promise<never> {
  throw pathNotFound()
}

/** An onRequest hook: unknown paths are rejected before their bodies are looked at, whatever these are. */
export const rejectUnknownPathEarly: onRequestHookHandler = ({ is404 }, _reply, done) => {
  done(is404 ? pathNotFound() : undefined)
}

export function pathNotFound(): Problem {
  return new Problem('not_found', 'The path does not exist.')
}

/** Sends an error response. Also handles requests that reach no route, such as those with a malformed URL. */
export function sendError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error)
  // The client hung up, or sent a write to a follower: don't log.
  const isExpected =
    problem.status < 500 ||
    problem.code === 'overloaded' ||
    error instanceof ReadOnlyError ||
    request.socket.destroyed
  if (!isExpected) request.log.error({ err: error, caller: request.caller?.userId }, 'request failed')
  reply
    .code(problem.status)
    .headers({ ...commonHeaders(request.id), 'content-type': 'application/json', ...problem.headers })
    // A buffer: Fastify would add a charset to a string, and JSON has none (RFC 8259 §11).
    .send(Buffer.from(JSON.stringify(problem.body())))
}

/** Responds to malformed HTTP, slow requests and oversized headers, and closes the connection. */
export function sendBrokenRequestError(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) return void socket.destroy(error)
  const problem = toBrokenRequestProblem(error.code)
  const body = JSON.stringify(problem.body())
  const headers = {
    ...commonHeaders(randomUUID()),
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  hangUp(socket, `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${head.join('')}\r\n${body}`)
}

function toBrokenRequestProblem(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large', 'The URL and the headers are larger than this service accepts.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request_timeout', 'The request did not arrive in time.')
    default:
      return new InvalidRequest({ request: 'is not valid HTTP/1.1' })
  }
}

/** Routes every method that Node knows, so that refuseOtherMethods can refuse it. Must be called before routes are added. */
export function routeAllMethods(app: FastifyInstance): void {
  // CONNECT names no path
  for (const method of METHODS)
    if (method !== 'CONNECT' && !app.supportedMethods.some((known) => known === method))
      app.addHttpMethod(method)
}

/** Adds routes for the other methods of a path: 405, and OPTIONS with the allowed methods. */
export function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly HTTPMethods[]): void {
  const others = app.supportedMethods.filter(
    (method) => !allowed.some((supported) => supported === method) && method !== 'HEAD',
  )
  app.route({
    method: others.filter((method) => method !== 'OPTIONS'),
    url,
    schema: { hide: true },
    // In onRequest: the method is rejected before the body is read, so errors of the body do not hide it.
    onRequest: async (request) => {
      throw new Problem('method_not_allowed', `${request.method} is not supported here.`, {
        allow: allowed.join(', '),
      })
    },
    handler: rejectUnknownPath,
  })
  app.route({
    method: 'OPTIONS',
    url,
    schema: { hide: true },
    onRequest: (_request, reply) => {
      const head: HTTPMethods[] = allowed.includes('GET') ? ['HEAD'] : []
      reply.header('allow', [...allowed, ...head, 'OPTIONS'].join(', ')).send()
    },
    handler: rejectUnknownPath,
  })
}

/** value of Retry-After when the database is unavailable, in seconds */
const retryAfterSeconds = '1'

function toProblem(error: FastifyError | Error): Problem {
  if (error instanceof Problem) return error
  switch (databaseFailure(error)) {
    case 'unavailable':
    case 'timeout':
    case 'conflict':
      return new Problem('unavailable', 'The database does not respond in time. Retry later.', {
        'retry-after': retryAfterSeconds,
      })
    case 'read-only':
      return new Problem(
        'unavailable',
        'The database takes no writes here. Send them to a server on the primary, or retry later.',
        { 'retry-after': retryAfterSeconds },
      )
    case 'unstorable':
      return new InvalidRequest({ body: 'contains a value that the database cannot store' })
  }
  return fromFramework(error) ?? new Problem('internal_error', 'An internal error occurred.')
}

function fromFramework(error: FastifyError | Error): Problem | undefined {
  switch ('code' in error ? error.code : undefined) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('payload_too_large', 'The body is larger than this service accepts.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported_media_type', 'The body must be application/json.', {
        accept: 'application/json, application/*+json',
      })
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new InvalidRequest({ body: 'does not match its Content-Length' })
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new InvalidRequest({ path: 'contains an id of more than 255 characters' })
    case 'FST_ERR_BAD_URL':
      return new InvalidRequest({ path: 'is not a valid percent-encoded path' })
  }
  const status = 'statusCode' in error ? error.statusCode : undefined
  if (status === 400) return new InvalidRequest({ body: 'could not be read' })
  if (status === 403 || status === 404) return pathNotFound()
  return undefined
}
