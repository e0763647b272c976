// To which URLs a question may go whose answer decides who is let in.
import ipaddr from 'ipaddr.js'

/** Whether nobody on the way can have changed what comes from there: over https, or from this machine itself. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  if (protocol === 'https:') return true
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const isLoopback =
    host === 'localhost' || (ipaddr.isValid(host) && ipaddr.parse(host).range() === 'loopback')
  return protocol === 'http:' && isLoopback
}
