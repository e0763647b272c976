// A line of the log for each request, at the levels debug and trace.
import type { FastifyReply, FastifyRequest } from 'fastify'

/** An onResponse hook. Logs neither the URL nor headers, which can hold secrets. */
export async function logResponse(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { method, routeOptions, ip } = request
  const caller = request.caller?.userId
  const milliseconds = Math.round(reply.elapsedTime)
  request.log.debug(
    { method, route: routeOptions.url, status: reply.statusCode, milliseconds, caller, ip },
    'request completed',
  )
}
