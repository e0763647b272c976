// An identity provider that is found by its issuer, at each place where its metadata may stand; and one whose metadata
// are missing or lie: 503 while that lasts, never 500, and no token is accepted for it.
import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { jwk, leadTo, sign, startWith, tell, untold } from './support/lying-provider.ts'
import { expectProblem } from './support/replies.ts'

const webPage: RequestListener = (_request, response) =>
  void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')

/** Answers at these paths as told, and everywhere else with a web page, as many hosts do. */
const at =
  (answers: Record<string, RequestListener>): RequestListener =>
  (request, response) =>
    (answers[request.url ?? ''] ?? webPage)(request, response)

const start = (answer: RequestListener, path = '') =>
  startWith(answer, (url) => ({ JWT_ISSUER: url + path, JWT_ISSUER_DISCOVERY: 'true' }))

const keys = { '/keys': tell({ keys: [jwk] }) }
const openid = '/.well-known/openid-configuration'
const oauth = '/.well-known/oauth-authorization-server'

describe.each([
  ['', openid],
  ['', oauth],
  ['/', openid],
  ['/realms/acme', `/realms/acme${openid}`],
  ['/realms/acme', `${oauth}/realms/acme`],
  ['/realms/acme/', `/realms/acme${openid}`],
])('the keys of an issuer at "%s"', (path, place) => {
  test(`are found by the metadata at ${place}`, async () => {
    const { provider, ask } = await start(webPage, path)
    const issuer = provider.url + path
    provider.answer = at({ ...keys, [place]: tell({ issuer, jwks_uri: `${provider.url}/keys` }) })
    expect((await ask(await sign('one', issuer))).statusCode).toBe(404)
    expectProblem(await ask(await sign('one', `${issuer}x`)), 401, 'invalid_token')
  })
})

const lies: [string, (url: string) => RequestListener][] = [
  ['name another issuer', (url) => tell({ issuer: 'https://id.example', jwks_uri: `${url}/keys` })],
  ['spell the issuer otherwise', (url) => tell({ issuer: `${url}/`, jwks_uri: `${url}/keys` })],
  ['name no issuer', (url) => tell({ jwks_uri: `${url}/keys` })],
  ['name no place for keys', (issuer) => tell({ issuer })],
  ['name a place that is none', (issuer) => tell({ issuer, jwks_uri: 5 })],
  [
    'name a place that is neither on https nor surely this machine',
    (issuer) => tell({ issuer, jwks_uri: `${issuer.replace('127.0.0.1', '0.0.0.0')}/keys` }),
  ],
  ['lead elsewhere', (url) => leadTo(tell({ issuer: url, jwks_uri: `${url}/keys` }))],
  ...untold.map(([what, answer]): [string, (url: string) => RequestListener] => [
    `are asked for and the provider ${what}`,
    () => answer,
  ]),
]

test.each(lies)('while metadata %s, tokens get 503; afterwards they are accepted', async (_what, lie) => {
  const { provider, ask } = await start(webPage)
  const { url } = provider
  const token = await sign('one', url)
  provider.answer = at({ ...keys, [openid]: lie(url), [oauth]: lie(url), [`${openid}?there`]: lie(url) })
  const refused = await ask(token)
  expectProblem(refused, 503, 'unavailable')
  expect(refused.headers['retry-after']).toBe('5')
  provider.answer = at({ ...keys, [openid]: tell({ issuer: url, jwks_uri: `${url}/keys` }) })
  expect((await ask(token)).statusCode).toBe(404)
})

test('one kind of metadata may lie, or be slow, when the other is valid', async () => {
  const { provider, ask } = await start(webPage)
  const { url } = provider
  provider.answer = at({
    ...keys,
    [openid]: () => {},
    [oauth]: tell({ issuer: url, jwks_uri: `${url}/keys` }),
  })
  expect((await ask(await sign('one', url))).statusCode).toBe(404)
})

test('keys that move to another place are found there', async () => {
  const { provider, ask } = await start(webPage)
  const { url } = provider
  provider.answer = at({
    '/old': tell({ keys: [] }),
    [openid]: tell({ issuer: url, jwks_uri: `${url}/old` }),
  })
  const token = await sign('one', url)
  expectProblem(await ask(token), 401, 'invalid_token')
  provider.answer = at({ ...keys, [openid]: tell({ issuer: url, jwks_uri: `${url}/keys` }) })
  await expect.poll(async () => (await ask(token)).statusCode, { timeout: 15_000, interval: 200 }).toBe(404)
})

test('metadata are not asked for again with each token', async () => {
  const { provider, ask } = await start(webPage)
  const { url } = provider
  provider.answer = at({ ...keys, [openid]: tell({ issuer: url, jwks_uri: `${url}/keys` }) })
  for (const kid of ['one', 'two', 'three', 'one', 'four']) await ask(await sign(kid, url))
  expect(provider.asked).toBe(3)
})
