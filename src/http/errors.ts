// Anything thrown → status and body (contract §7); what is not expected is logged, and told to nobody.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { v4 as randomId } from 'uuid'
import { databaseFailure } from '../database/sqlstate.ts'
import { hangUp } from './connections.ts'
import { InvalidRequest, Problem } from './problem.ts'

/** Answers whatever is thrown below the app, and requests that no route takes. */
export function registerErrors(app: FastifyInstance): void {
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(answerNotFound)
  app.server.on('checkExpectation', answerExpectation)
  app.addHook('onRequest', (request, _reply, done) => {
    // RFC 9112 §3.2; Node's own answer to it has no body
    const isNameless = request.headers.host === undefined && request.raw.httpVersion === '1.1'
    done(isNameless ? new InvalidRequest({ Host: 'is required' }) : undefined)
  })
}

/** RFC 9110 §10.1.1: the one expectation that there is, `100-continue`, never comes here. */
function answerExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const problem = new Problem('expectation_failed', 'The only expectation that is met is 100-continue.')
  const body = JSON.stringify(problem.body())
  response
    .writeHead(problem.status, {
      ...commonHeaders(randomId()),
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      // whether the caller sends the body all the same is not known
      connection: 'close',
    })
    .end(body)
}

export async function answerNotFound(): Promise<never> {
  throw nothingHere()
}

export function nothingHere(): Problem {
  return new Problem('not_found', 'There is nothing at this path.')
}

/** Answers what was thrown; also for requests that reach no route, such as those with a broken URL. */
export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error)
  // what fails for want of a caller who still listens is nobody's concern
  const isExpected = problem.status < 500 || problem.code === 'overloaded' || request.socket.destroyed
  if (!isExpected) request.log.error({ err: error, caller: request.caller?.userId }, 'request failed')
  reply
    .code(problem.status)
    .headers({ ...commonHeaders(request.id), 'content-type': 'application/json', ...problem.headers })
    // bytes, since to text Fastify would add a charset, which JSON does not have (RFC 8259 §11)
    .send(Buffer.from(JSON.stringify(problem.body())))
}

/** What every reply carries. A browser is to show nothing of it as a page, which the documentation alone is. */
export function commonHeaders(requestId: string): Record<string, string> {
  return {
    'x-request-id': requestId,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
  }
}

/** Answers what is no HTTP, comes too slowly, or has headers that are too large; and hangs up. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) return void socket.destroy(error)
  const problem = toBrokenRequestProblem(error.code)
  const body = JSON.stringify(problem.body())
  const headers = {
    ...commonHeaders(randomId()),
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
      return new InvalidRequest({ request: 'is not HTTP/1.1' })
  }
}

/** The methods of a path beside those that it has routes for: 405, and OPTIONS tells which there are. */
export function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly HTTPMethods[]): void {
  const others = app.supportedMethods.filter(
    (method) => !allowed.some((one) => one === method) && method !== 'HEAD',
  )
  app.route({
    method: others.filter((method) => method !== 'OPTIONS'),
    url,
    schema: { hide: true },
    // before the body is read, so that a refused method never answers for its body
    onRequest: async (request) => {
      throw new Problem('method_not_allowed', `${request.method} is not supported here.`, {
        allow: allowed.join(', '),
      })
    },
    handler: answerNotFound,
  })
  app.route({
    method: 'OPTIONS',
    url,
    schema: { hide: true },
    onRequest: (_request, reply) => {
      const head: HTTPMethods[] = allowed.includes('GET') ? ['HEAD'] : []
      reply.header('allow', [...allowed, ...head, 'OPTIONS'].join(', ')).send()
    },
    handler: answerNotFound,
  })
}

/** Seconds after which a caller may try again what failed for want of a database. */
const retryAfterSeconds = '1'

function toProblem(error: FastifyError | Error): Problem {
  if (error instanceof Problem) return error
  switch (databaseFailure(error)) {
    case 'unavailable':
    case 'timeout':
    case 'conflict':
      return new Problem('unavailable', 'The database does not answer in time. Try again.', {
        'retry-after': retryAfterSeconds,
      })
    case 'unstorable':
      return new InvalidRequest({ body: 'holds a value that the database cannot store' })
  }
  return fromFramework(error) ?? new Problem('internal_error', 'Something went wrong on our side.')
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
      return new InvalidRequest({ body: 'is not as long as its Content-Length says' })
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new InvalidRequest({ path: 'holds an id that is too long' })
    case 'FST_ERR_BAD_URL':
      return new InvalidRequest({ path: 'is not a valid percent-encoded path' })
  }
  const status = 'statusCode' in error ? error.statusCode : undefined
  if (status === 400) return new InvalidRequest({ body: 'could not be read' })
  if (status === 403 || status === 404) return nothingHere()
  return undefined
}
