// Calls the service over HTTP, given only its address.
import { inject } from 'vitest'
import { askForToken } from '../support/ask-for-token.ts'

const baseUrl = inject('baseUrl')

export async function tokenOf(name: 'agent' | 'otherAgent' | 'service'): Promise<string> {
  return (await askForToken(baseUrl, inject(name))).token
}

/** Sends a request to a path below /rtc-api. The body is sent as JSON; a string is sent unchanged. */
export function call(token: string, method: string, path: string, body?: unknown): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(`${baseUrl}/rtc-api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(text === undefined ? {} : { body: text }),
  })
}
