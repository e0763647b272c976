// Who answers for what a request makes the service hold or do.
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'

/** Returns a name for the caller's organization; of a SERVICE, for the user; of a client without a token, for its network. */
export function holderOf({ caller, ip }: FastifyRequest): string {
  if (caller === undefined) return `network ${networkOf(ip)}`
  return caller.kind === 'AGENT' ? `organization ${caller.organizationId}` : `user ${caller.userId}`
}

/** Returns an IPv4 address, or the /64 of an IPv6 address: one host usually owns a whole /64. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.')
}
