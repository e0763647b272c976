// The log lines of a request.
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'

/** An onResponse hook for the levels debug and trace. Logs neither the URL nor headers, which can hold secrets. */
export async function logResponse(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { method, routeOptions, ip } = request
  const caller = request.caller?.userId
  const milliseconds = Math.round(reply.elapsedTime)
  request.log.debug(
    { method, route: routeOptions.url, status: reply.statusCode, milliseconds, caller, ip },
    'request completed',
  )
}

type ChildParameters = Parameters<FastifyBaseLogger['child']>

/**
 * The log of a request: a child that adds its id. It is created for the first line: creating one costs 2 % of a read, and most
 * requests log nothing.
 */
export class RequestLog implements FastifyBaseLogger {
  readonly #parent: FastifyBaseLogger
  readonly #parameters: ChildParameters
  #log: FastifyBaseLogger | undefined

  constructor(parent: FastifyBaseLogger, ...parameters: ChildParameters) {
    this.#parent = parent
    this.#parameters = parameters
  }

  get level() {
    return this.#parent.level
  }

  child(...parameters: ChildParameters): FastifyBaseLogger {
    return this.#create().child(...parameters)
  }

  fatal(...line: unknown[]) {
    this.#write('fatal', line)
  }
  error(...line: unknown[]) {
    this.#write('error', line)
  }
  warn(...line: unknown[]) {
    this.#write('warn', line)
  }
  info(...line: unknown[]) {
    this.#write('info', line)
  }
  debug(...line: unknown[]) {
    this.#write('debug', line)
  }
  trace(...line: unknown[]) {
    this.#write('trace', line)
  }
  silent() {}

  #write(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', line: unknown[]) {
    const log = this.#create()
    Reflect.apply(log[level], log, line)
  }

  #create() {
    this.#log ??= this.#parent.child(...this.#parameters)
    return this.#log
  }
}
