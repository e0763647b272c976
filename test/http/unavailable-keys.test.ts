// An identity provider with unavailable or wrong keys: its tokens get 503 or 401, never 500.
import { generateKeyPairSync } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { cloneDatabase } from '../support/database.ts'
import { signTexts } from '../support/tokens.ts'
import { failures, jwk, redirectTo, respond, sign, startWith } from './support/lying-provider.ts'
import { expectProblem } from './support/replies.ts'

const storage = await cloneDatabase()
const start = (listener: RequestListener) =>
  startWith(storage, listener, (url) => ({ JWKS_URL: `${url}/keys`, JWT_ISSUER: 'https://id.example' }))

// concurrent: some of these providers keep the service waiting
describe.concurrent.each([...failures, ['redirects', redirectTo(respond({ keys: [jwk] }))] as const])(
  'while the provider %s',
  (_what, listener) => {
    test('its tokens get 503; once its keys are available, they are accepted', async () => {
      const { provider, read } = await start(listener)
      const token = await sign('one')
      const rejected = await read(token)
      expectProblem(rejected, 503, 'unavailable')
      expect(rejected.headers['retry-after']).toBe('5')
      provider.listener = respond({ keys: [jwk] })
      expect((await read(token)).statusCode).toBe(404)
    })
  },
)

test('a response that never ends is read only in part', async () => {
  let bytes = 0
  const { read } = await start((request, response) => {
    request.socket.once('close', () => {
      bytes = request.socket.bytesWritten
    })
    const write = (): void => {
      while (!response.closed && response.write(' '.repeat(65_536)));
    }
    response.on('drain', write)
    write()
  })
  expectProblem(await read(await sign('one')), 503, 'unavailable')
  await expect.poll(() => bytes).toBeGreaterThan(0)
  expect(bytes).toBeLessThan(33_554_432)
})

test.each<[string, JWK]>([
  [
    'a different key with the same id',
    { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), kid: 'one' },
  ],
  ['a symmetric key', { kty: 'oct', k: 'AA', kid: 'one' }],
])('when the provider publishes %s, its tokens are rejected', async (_what, key) => {
  const { read } = await start(respond({ keys: [key] }))
  expectProblem(await read(await sign('one')), 401, 'invalid_token')
})

test('an RSA key of fewer than 2048 bits is not used, as RFC 7518 requires', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const { read } = await start(respond({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'short' }] }))
  const exp = Math.floor(Date.now() / 1000) + 600
  const claims = {
    iss: 'https://id.example',
    aud: 'interaction-api',
    sub: 'agent-1',
    organization: 'acme',
    exp,
  }
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const token = signTexts('{"alg":"RS256","kid":"short"}', JSON.stringify(claims), key)
  expectProblem(await read(token), 401, 'invalid_token')
})

test('when the provider publishes an invalid key, its tokens get 503', async () => {
  const { read } = await start(respond({ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'one' }] }))
  expectProblem(await read(await sign('one')), 503, 'unavailable')
})

test('1,000 tokens with unknown key ids cause fewer than 10 requests to the provider', async () => {
  const { provider, read } = await start(respond({ keys: [jwk] }))
  expect((await read(await sign('one'))).statusCode).toBe(404)
  const forged = await Promise.all(Array.from({ length: 1000 }, (_, n) => sign(`forged-${n}`)))
  const replies = await Promise.all(forged.map(read))
  expect(new Set(replies.map(({ statusCode }) => statusCode))).toEqual(new Set([401]))
  expect(provider.requests).toBeLessThan(10)
})
