// An identity provider that does not tell its keys, or tells lies instead: 503 while that lasts, never 500, and no token
// is accepted for it.
import { createServer, type RequestListener } from 'node:http'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { freePort } from './support/listening.ts'
import { expectProblem } from './support/replies.ts'

const { privateKey, publicKey } = await generateKeyPair('ES256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'one' }

async function sign(kid: string): Promise<string> {
  const claims = { organization: 'acme', authorities: ['AGENT'], sub: 'agent-1' }
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).setExpirationTime('5m')
  return jwt.setIssuer('https://id.example').setAudience('interaction-api').sign(privateKey)
}

const tell =
  (keys: unknown): RequestListener =>
  (_request, response) =>
    void response.end(typeof keys === 'string' ? keys : JSON.stringify({ keys }))

/** A service whose provider answers as told, and how often that was asked. */
async function startWith(first: RequestListener) {
  const port = await freePort()
  const provider = { answer: first, asked: 0 }
  const server = createServer((request, response) => {
    provider.asked++
    provider.answer(request, response)
  }).listen(port, '127.0.0.1')
  afterAll(() => server.close().closeAllConnections())
  const JWKS_URL = `http://127.0.0.1:${port}/keys`
  const { call } = await startTestApp({ JWKS_URL, JWT_ISSUER: 'https://id.example' })
  return { provider, ask: (token: string) => call(token, 'GET', '/x') }
}

describe.each<[string, RequestListener]>([
  ['answers with an error', (_request, response) => void response.writeHead(500).end()],
  ['leads elsewhere', (_request, response) => void response.writeHead(302, { location: '/' }).end()],
  ['answers with no JSON', tell('<html>')],
  ['answers with no keys', tell('{"keys":5}')],
  ['hangs up', (request) => void request.socket.destroy()],
  ['never answers', () => {}],
])('while the provider %s', (_what, answer) => {
  test('its tokens get 503, and once it tells its keys they are accepted', async () => {
    const { provider, ask } = await startWith(answer)
    const token = await sign('one')
    const refused = await ask(token)
    expectProblem(refused, 503, 'unavailable')
    expect(refused.headers['retry-after']).toBe('5')
    provider.answer = tell([jwk])
    expect((await ask(token)).statusCode).toBe(404)
  })
})

test.each<[string, JWK]>([
  [
    'another key under that name',
    { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), kid: 'one' },
  ],
  ['a symmetric key', { kty: 'oct', k: 'AA', kid: 'one' }],
])('when the provider tells %s, its tokens are refused', async (_what, key) => {
  const { ask } = await startWith(tell([key]))
  expectProblem(await ask(await sign('one')), 401, 'invalid_token')
})

test('when the provider tells a key that is none, its tokens get 503', async () => {
  const { ask } = await startWith(tell([{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'one' }]))
  expectProblem(await ask(await sign('one')), 503, 'unavailable')
})

test('a thousand tokens of unknown keys do not make a thousand questions to the provider', async () => {
  const { provider, ask } = await startWith(tell([jwk]))
  expect((await ask(await sign('one'))).statusCode).toBe(404)
  const forged = await Promise.all(Array.from({ length: 1000 }, (_, n) => sign(`forged-${n}`)))
  const replies = await Promise.all(forged.map(ask))
  expect(new Set(replies.map(({ statusCode }) => statusCode))).toEqual(new Set([401]))
  expect(provider.asked).toBeLessThan(10)
})
