// An identity provider that does not tell its keys, or tells lies instead: 503 while that lasts, never 500, and no token
// is accepted for it.
import type { RequestListener } from 'node:http'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { jwk, leadTo, sign, startWith, tell, untold } from './support/lying-provider.ts'
import { expectProblem } from './support/replies.ts'

const start = (answer: RequestListener) =>
  startWith(answer, (url) => ({ JWKS_URL: `${url}/keys`, JWT_ISSUER: 'https://id.example' }))

describe.each([...untold, ['leads elsewhere', leadTo(tell({ keys: [jwk] }))] as const])(
  'while the provider %s',
  (_what, answer) => {
    test('its tokens get 503, and once it tells its keys they are accepted', async () => {
      const { provider, ask } = await start(answer)
      const token = await sign('one')
      const refused = await ask(token)
      expectProblem(refused, 503, 'unavailable')
      expect(refused.headers['retry-after']).toBe('5')
      provider.answer = tell({ keys: [jwk] })
      expect((await ask(token)).statusCode).toBe(404)
    })
  },
)

test('of an answer that never ends, little is read', async () => {
  let bytes = 0
  const { ask } = await start((request, response) => {
    request.socket.once('close', () => {
      bytes = request.socket.bytesWritten
    })
    const write = (): void => {
      while (!response.closed && response.write(' '.repeat(65_536)));
    }
    response.on('drain', write)
    write()
  })
  expectProblem(await ask(await sign('one')), 503, 'unavailable')
  await expect.poll(() => bytes).toBeGreaterThan(0)
  expect(bytes).toBeLessThan(33_554_432)
})

test.each<[string, JWK]>([
  [
    'another key under that name',
    { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), kid: 'one' },
  ],
  ['a symmetric key', { kty: 'oct', k: 'AA', kid: 'one' }],
])('when the provider tells %s, its tokens are refused', async (_what, key) => {
  const { ask } = await start(tell({ keys: [key] }))
  expectProblem(await ask(await sign('one')), 401, 'invalid_token')
})

test('when the provider tells a key that is none, its tokens get 503', async () => {
  const { ask } = await start(tell({ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'one' }] }))
  expectProblem(await ask(await sign('one')), 503, 'unavailable')
})

test('a thousand tokens of unknown keys do not make a thousand questions to the provider', async () => {
  const { provider, ask } = await start(tell({ keys: [jwk] }))
  expect((await ask(await sign('one'))).statusCode).toBe(404)
  const forged = await Promise.all(Array.from({ length: 1000 }, (_, n) => sign(`forged-${n}`)))
  const replies = await Promise.all(forged.map(ask))
  expect(new Set(replies.map(({ statusCode }) => statusCode))).toEqual(new Set([401]))
  expect(provider.asked).toBeLessThan(10)
})
