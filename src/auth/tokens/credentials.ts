// Reads the parameters and the credentials of a token request from the three places where clients put them. Pure.
import { Problem } from '../../http/problem.ts'

/** Parameters of a query string or a form; a repeated parameter has several values. */
export type Parameters = Readonly<Record<string, string | string[] | undefined>>

export interface TokenRequest {
  readonly clientId: string
  /** the secrets to try: RFC 6749 has clients percent-encode them for HTTP Basic, but many clients do not */
  readonly secrets: readonly string[]
  readonly grantType: string | undefined
  readonly scope: string | undefined
}

/**
 * Reads a token request (RFC 6749 §2.3.1, contract §2). HTTP Basic takes precedence over the form, and the form over
 * the query string.
 * @param allowQueryCredentials whether the query string may contain the secret
 * @throws Problem invalid_client without credentials, or when two places name different clients; invalid_request when
 *   a parameter is repeated
 */
export function readTokenRequest(
  given: { authorization: string | undefined; query: Parameters; form: Parameters },
  allowQueryCredentials: boolean,
): TokenRequest {
  if (!allowQueryCredentials && given.query.client_secret !== undefined)
    throw new Problem(
      'invalid_request',
      'Credentials in the query string are not accepted. Use HTTP Basic or the form.',
    )
  const parameters = { ...given.query, ...given.form }
  const read = (name: string) => {
    const value = parameters[name]
    if (Array.isArray(value)) throw new Problem('invalid_request', `The parameter ${name} is repeated.`)
    return value
  }
  const credentials = readBasic(given.authorization) ?? {
    clientId: read('client_id') ?? '',
    secrets: [read('client_secret') ?? ''],
  }
  const clientId = read('client_id')
  if (credentials.clientId === '' || (clientId !== undefined && clientId !== credentials.clientId))
    throw badCredentials()
  return { ...credentials, grantType: read('grant_type'), scope: read('scope') }
}

/** Returns the 401 for an unknown client, a wrong secret and missing credentials: the response is the same for all. */
export function badCredentials(): Problem {
  return new Problem('invalid_client', 'Bad client credentials', {
    'www-authenticate': 'Basic realm="interaction-api"',
  })
}

function readBasic(
  authorization: string | undefined,
): Pick<TokenRequest, 'clientId' | 'secrets'> | undefined {
  const encoded = /^basic +([\w+/-]+=*) *$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const [, clientId = '', secret = ''] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  return { clientId: decodeForm(clientId), secrets: [...new Set([secret, decodeForm(secret)])] }
}

function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
