// Records token requests in the audit log. Names clients that exist only: a wrong id may be a secret in the wrong place.
import type { FastifyRequest, onErrorHookHandler } from 'fastify'
import { networkOf } from '../../http/limits/holder.ts'
import { Problem } from '../../http/problem.ts'
import type { AuditLog } from '../../observability/audit/log.ts'
import type { Authentication, Client } from '../clients/clients.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** how the client of a token request was authenticated; undefined before that */
    authentication?: Authentication
  }
}

export function recordGrant(
  audit: AuditLog,
  { id, ip }: FastifyRequest,
  { clientId, organizationId }: Client,
  { scope, jti }: { readonly scope: string; readonly jti: string },
): void {
  const fields = {
    client: clientId,
    organization: organizationId,
    scopes: scope.split(' '),
    token: jti,
    requestId: id,
    address: ip,
  }
  audit.record('token.granted', fields, `${networkOf(ip)} ${clientId}`)
}

/** Returns an onError hook that records requests that are refused, but not failures of the service. */
export function recordRefusal(audit: AuditLog): onErrorHookHandler {
  return ({ authentication, id, ip }, _reply, error, done) => {
    if (error instanceof Problem && error.status < 500 && error.status !== 405) {
      const isThrottled = error.code === 'too_many_requests'
      const fields = {
        ...refusedClient(authentication),
        error: error.code,
        reason: reasonOf(authentication) ?? error.message,
        requestId: id,
        address: ip,
      }
      audit.record(isThrottled ? 'token.throttled' : 'token.refused', fields, networkOf(ip))
    }
    done()
  }
}

function refusedClient(authentication: Authentication | undefined) {
  if (authentication === undefined) return {}
  if ('client' in authentication)
    return { client: authentication.client.clientId, organization: authentication.client.organizationId }
  return 'clientId' in authentication ? { client: authentication.clientId } : {}
}

function reasonOf(authentication: Authentication | undefined): string | undefined {
  return authentication !== undefined && 'refusal' in authentication ? authentication.refusal : undefined
}
