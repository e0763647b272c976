// Requests a token over HTTP, with the credentials in a form, as most clients do.

export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** Requests a token. Returns the status of the response, and the token, which is empty unless the status is 200. */
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
