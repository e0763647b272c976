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
 * Reads a token request (RFC 6749 §2.3.1, contract §2).
 * @param given the parts of the request; `form` is null for a body that is no form
 * @param allowQueryCredentials whether the query string may contain the secret
 * @throws Problem invalid_client without credentials; invalid_request when these differ between two places, when a
 *   parameter is repeated, or when the body is no form and there are no credentials elsewhere
 */
export function readTokenRequest(
  given: { authorization: string | undefined; query: Parameters; form: Parameters | null },
  allowQueryCredentials: boolean,
): TokenRequest {
  if (!allowQueryCredentials && given.query.client_secret !== undefined)
    throw new Problem(
      'invalid_request',
      'Credentials in the query string are not accepted. Use HTTP Basic or the form.',
    )
  const form = given.form ?? {}
  const read = (name: string) => readParameter(form, name) ?? readParameter(given.query, name)
  const readCredential = (name: string) => {
    const values = [readParameter(form, name), readParameter(given.query, name)]
    const [value, other] = values.filter((one) => one !== undefined)
    if (other !== undefined && other !== value) throw differingCredentials()
    return value
  }
  const clientId = readCredential('client_id')
  const secret = readCredential('client_secret')
  const basic = readBasic(given.authorization)
  const isOtherClient = clientId !== undefined && clientId !== basic?.clientId
  const isOtherSecret = secret !== undefined && basic?.secrets.includes(secret) === false
  if (basic !== undefined && (isOtherClient || isOtherSecret)) throw differingCredentials()
  const credentials = basic ?? { clientId: clientId ?? '', secrets: [secret ?? ''] }
  if (credentials.clientId === '')
    throw given.form === null && basic === undefined ? notAForm() : badCredentials()
  return { ...credentials, grantType: read('grant_type'), scope: read('scope') }
}

/** Returns a parameter; undefined when it is missing or empty (RFC 6749 §3.2). */
function readParameter(parameters: Parameters, name: string): string | undefined {
  const value = parameters[name]
  if (Array.isArray(value)) throw new Problem('invalid_request', `The parameter ${name} is repeated.`)
  return value || undefined
}

function differingCredentials(): Problem {
  return new Problem('invalid_request', 'The request has credentials in two places, and they differ.')
}

/** Returns the 400 for a body of another type. */
export function notAForm(): Problem {
  return new Problem('invalid_request', 'The body must be application/x-www-form-urlencoded')
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
