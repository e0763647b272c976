// A caller over HTTP, knowing nothing of the service but its address.
import { inject } from 'vitest'

const baseUrl = inject('baseUrl')

/** A token by the form style, as most clients ask for it. */
export async function tokenOf(name: 'agent' | 'otherAgent' | 'service'): Promise<string> {
  const { clientId, clientSecret } = inject(name)
  const response = await fetch(`${baseUrl}/security/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  const { access_token: token } = (await response.json()) as { access_token: string }
  return token
}

/** A call below /rtc-api; a body that is no string goes as JSON. */
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
