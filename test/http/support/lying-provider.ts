// An identity provider whose responses are set by the test: those that a correct one would never send.
import { createServer, type RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll } from 'vitest'
import { startTestApp } from '../../support/app.ts'
import type { ClonedDatabase } from '../../support/database.ts'
import { freePort } from '../../support/listening.ts'

const { privateKey, publicKey } = await generateKeyPair('ES256')

/** The public key of all these tokens; its id is `one`. */
export const jwk = { ...(await exportJWK(publicKey)), kid: 'one' }

export async function sign(kid: string, issuer = 'https://id.example'): Promise<string> {
  const claims = { organization: 'acme', authorities: ['AGENT'], sub: 'agent-1' }
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).setExpirationTime('5m')
  return jwt.setIssuer(issuer).setAudience('interaction-api').sign(privateKey)
}

/** Responds with a text as it is, or with the JSON of any other value. */
export const respond =
  (body: unknown): RequestListener =>
  (_request, response) =>
    void response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(typeof body === 'string' ? body : JSON.stringify(body))

/** Redirects to where that listener responds. */
export const redirectTo =
  (listener: RequestListener): RequestListener =>
  (request, response) => {
    const { url = '' } = request
    if (url.endsWith('?there')) listener(request, response)
    else response.writeHead(302, { location: `${url}?there` }).end()
  }

/** Responses that contain neither keys nor metadata. */
export const failures: [string, RequestListener][] = [
  ['responds with an error', (_request, response) => void response.writeHead(500).end()],
  ['responds with no JSON', respond('<html>')],
  ['responds with other JSON', respond('[{"keys":5}]')],
  ['hangs up', (request) => void request.socket.destroy()],
  ['never responds', () => {}],
  ['never ends its response', (_request, response) => void Readable.from(blanks()).pipe(response)],
]

/** Endless white space, which JSON allows. */
function* blanks(): Generator<string> {
  for (;;) yield ' '.repeat(65_536)
}

/** Starts a service with these settings on a database of the file, and its provider. */
export async function startWith(
  storage: ClonedDatabase,
  listener: RequestListener,
  toSettings: (url: string) => Record<string, string>,
) {
  const port = await freePort()
  const provider = { listener, requests: 0, url: `http://127.0.0.1:${port}` }
  const server = createServer((request, response) => {
    provider.requests++
    provider.listener(request, response)
  }).listen(port, '127.0.0.1')
  afterAll(() => server.close().closeAllConnections())
  const { call } = await startTestApp(toSettings(provider.url), storage)
  return { provider, read: (token: string) => call(token, 'GET', '/x') }
}
