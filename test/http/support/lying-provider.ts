// An identity provider that answers as it is told, over HTTP: what a well-behaved one would never say.
import { createServer, type RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll } from 'vitest'
import { startTestApp } from '../../support/app.ts'
import { freePort } from '../../support/listening.ts'

const { privateKey, publicKey } = await generateKeyPair('ES256')

/** The public key of all tokens here, named `one`. */
export const jwk = { ...(await exportJWK(publicKey)), kid: 'one' }

export async function sign(kid: string, issuer = 'https://id.example'): Promise<string> {
  const claims = { organization: 'acme', authorities: ['AGENT'], sub: 'agent-1' }
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).setExpirationTime('5m')
  return jwt.setIssuer(issuer).setAudience('interaction-api').sign(privateKey)
}

/** Answers with a text as it is, or with the JSON of anything else. */
export const tell =
  (answer: unknown): RequestListener =>
  (_request, response) =>
    void response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(typeof answer === 'string' ? answer : JSON.stringify(answer))

/** Leads to where that is answered, by a redirect. */
export const leadTo =
  (answer: RequestListener): RequestListener =>
  (request, response) => {
    const { url = '' } = request
    if (url.endsWith('?there')) answer(request, response)
    else response.writeHead(302, { location: `${url}?there` }).end()
  }

/** Answers that tell neither keys nor metadata. */
export const untold: [string, RequestListener][] = [
  ['answers with an error', (_request, response) => void response.writeHead(500).end()],
  ['answers with no JSON', tell('<html>')],
  ['answers with another JSON', tell('[{"keys":5}]')],
  ['hangs up', (request) => void request.socket.destroy()],
  ['never answers', () => {}],
  ['never ends its answer', (_request, response) => void Readable.from(blanks()).pipe(response)],
]

/** White space, which JSON may have any amount of. */
function* blanks(): Generator<string> {
  for (;;) yield ' '.repeat(65_536)
}

/** A service with these settings whose provider answers as told, and how often that was asked. */
export async function startWith(first: RequestListener, toSettings: (url: string) => Record<string, string>) {
  const port = await freePort()
  const provider = { answer: first, asked: 0, url: `http://127.0.0.1:${port}` }
  const server = createServer((request, response) => {
    provider.asked++
    provider.answer(request, response)
  }).listen(port, '127.0.0.1')
  afterAll(() => server.close().closeAllConnections())
  const { call } = await startTestApp(toSettings(provider.url))
  return { provider, ask: (token: string) => call(token, 'GET', '/x') }
}
