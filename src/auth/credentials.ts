// Finds the parameters and the credentials of a token request in the three places where clients put them; pure.
import { Problem } from '../http/problem.ts'

/** A query string or a form: a parameter that was repeated has several values. */
export type Parameters = Readonly<Record<string, string | string[] | undefined>>

export interface TokenRequest {
  readonly clientId: string
  /** the secrets that the request may mean: RFC 6749 has Basic percent-encoded, but many clients send it as it is */
  readonly secrets: readonly string[]
  readonly grantType: string | undefined
  readonly scope: string | undefined
}

/**
 * Reads a token request (RFC 6749 §2.3.1, contract §2).
 * @param allowQueryCredentials whether credentials in the query string are taken
 * @throws Problem invalid_client without credentials, invalid_request when a parameter is repeated
 */
export function readTokenRequest(
  given: { authorization: string | undefined; query: Parameters; form: Parameters },
  allowQueryCredentials: boolean,
): TokenRequest {
  if (!allowQueryCredentials && given.query.client_secret !== undefined)
    throw new Problem('invalid_request', 'Credentials in the query string are not accepted')
  const parameters = { ...given.query, ...given.form }
  const read = (name: string) => {
    const value = parameters[name]
    if (Array.isArray(value)) throw new Problem('invalid_request', `Repeated parameter: ${name}`)
    return value
  }
  const credentials = readBasic(given.authorization) ?? {
    clientId: read('client_id') ?? '',
    secrets: [read('client_secret') ?? ''],
  }
  const named = read('client_id')
  if (credentials.clientId === '' || (named !== undefined && named !== credentials.clientId))
    throw badCredentials()
  return { ...credentials, grantType: read('grant_type'), scope: read('scope') }
}

/** One answer for an unknown client, a wrong secret, and none at all. */
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
