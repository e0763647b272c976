// Who answers for what a request makes the service hold or do.
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

/**
 * Returns the caller's organization; of a SERVICE, a name for the user; of a client without a token, one for its network.
 * Names begin with NUL, which no organization contains.
 */
export function holderOf(request: Pick<FastifyRequest, 'caller' | 'ip'>): string {
  const { caller } = request
  // only then: Fastify computes the address each time
  if (caller === undefined) return `\u0000network ${networkOf(request.ip)}`
  // most requests: no new string
  return caller.kind === 'AGENT' ? caller.organizationId : `\u0000user ${caller.userId}`
}

/** Returns an IPv4 address, or the /64 of an IPv6 address: one host usually owns a whole /64. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.')
}
