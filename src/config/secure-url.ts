// URLs that may be trusted for fetching keys.
import ipaddr from 'ipaddr.js'

/** Whether responses from a URL cannot be changed in transit: https, or http on this machine. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  if (protocol === 'https:') return true
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const isLoopback =
    host === 'localhost' || (ipaddr.isValid(host) && ipaddr.parse(host).range() === 'loopback')
  return protocol === 'http:' && isLoopback
}
