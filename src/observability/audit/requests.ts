// Records the requests of /rtc-api in the audit log.
import type { FastifyInstance, FastifyRequest, onErrorHookHandler } from 'fastify'
import { networkOf } from '../../http/limits/holder.ts'
import { Problem } from '../../http/problem.ts'
import type { AuditEvent, AuditFields, AuditLog } from './log.ts'

/** The event of each operation, by its id in the OpenAPI document. */
const eventOf: Readonly<Record<string, AuditEvent>> = {
  createInteraction: 'interaction.created',
  updateInteraction: 'interaction.updated',
  getInteraction: 'interaction.read',
  listInteractions: 'interaction.searched',
}

/**
 * Records what is refused, and what succeeds, of all routes that are added to the scope afterwards. Routes whose event the
 * log does not include have no hook.
 */
export function auditRequests(scope: FastifyInstance, audit: AuditLog): void {
  scope.addHook('onError', recordRefusal(audit))
  scope.addHook('onRoute', (route) => {
    const event = eventOf[route.schema?.operationId ?? '']
    if (event === undefined || !audit.includes(event)) return
    route.onSend = [
      (request, reply, _payload, done) => {
        if (reply.statusCode < 400 && changesOrReads(event, request))
          audit.record(event, {
            ...originOf(request),
            organization: organizationOf(request),
            interaction: interactionOf(request) ?? createdId(reply.getHeader('location')),
          })
        done()
      },
      ...[route.onSend ?? []].flat(),
    ]
  })
}

/** An update without a type and data changes nothing. */
function changesOrReads(event: AuditEvent, { body }: FastifyRequest): boolean {
  return (
    event !== 'interaction.updated' ||
    member(body, 'type') !== undefined ||
    member(body, 'data') !== undefined
  )
}

function recordRefusal(audit: AuditLog): onErrorHookHandler {
  return (request, _reply, error, done) => {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) {
      const { routeOptions, method, caller, ip } = request
      const event = error.status === 401 ? 'request.unauthenticated' : 'request.forbidden'
      const fields = {
        ...originOf(request),
        interaction: caller === undefined ? undefined : interactionOf(request),
        method,
        route: routeOptions.url,
        error: error.code,
        reason: error.message,
      }
      audit.record(event, fields, `${networkOf(ip)} ${caller?.userId ?? ''}`)
    }
    done()
  }
}

/** Who sent a request, and how to find it in other logs. */
function originOf({ caller, id, ip }: FastifyRequest): AuditFields {
  const organization = caller?.kind === 'AGENT' ? caller.organizationId : undefined
  return { caller: caller?.userId, organization, requestId: id, address: ip }
}

/** Returns the organization of the caller; of a SERVICE, the one that the body or the query names. */
function organizationOf({ caller, body, query }: FastifyRequest): string | undefined {
  if (caller.kind === 'AGENT') return caller.organizationId
  return member(body, 'organizationId') ?? member(query, 'organizationId')
}

/** The length of an id of 255 characters of two code units each. A path that is refused can be longer. */
const maxIdLength = 510

function interactionOf({ params }: FastifyRequest): string | undefined {
  return member(params, 'interactionId')?.slice(0, maxIdLength)
}

/** Returns the id at the end of the path of a created interaction. */
function createdId(location: unknown): string | undefined {
  return typeof location === 'string'
    ? decodeURIComponent(location.slice(location.lastIndexOf('/') + 1))
    : undefined
}

function member(part: unknown, name: string): string | undefined {
  const value: unknown = typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined
  return typeof value === 'string' ? value : undefined
}
