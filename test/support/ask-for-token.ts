// Asking for a token over HTTP, by the form style, as most clients do.

export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** @returns the status of the reply, and the token when it is 200 */
export async function askForToken(baseUrl: string, { clientId, clientSecret }: Credentials) {
  const response = await fetch(`${baseUrl}/security/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  const { access_token: token = '' } = (await response.json()) as { access_token?: string }
  return { status: response.status, token }
}
