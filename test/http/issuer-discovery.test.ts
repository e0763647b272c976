// An identity provider that is configured by its issuer, with metadata at each standard URL; and one whose metadata are
// missing or wrong: 503 meanwhile, never 500, and no token is accepted.
import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { cloneDatabase } from '../support/database.ts'
import { skipTime } from './support/clock.ts'
import { failures, jwk, redirectTo, respond, sign, startWith } from './support/lying-provider.ts'
import { expectProblem } from './support/replies.ts'

const webPage: RequestListener = (_request, response) =>
  void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')

/** Responds at these paths, and with a web page everywhere else, as many hosts do. */
const at =
  (listeners: Record<string, RequestListener>): RequestListener =>
  (request, response) =>
    (listeners[request.url ?? ''] ?? webPage)(request, response)

const storage = await cloneDatabase()
const start = (listener: RequestListener, path = '') =>
  startWith(storage, listener, (url) => ({ JWT_ISSUER: url + path, JWT_ISSUER_DISCOVERY: 'true' }))

const keys = { '/keys': respond({ keys: [jwk] }) }
const openid = '/.well-known/openid-configuration'
const oauth = '/.well-known/oauth-authorization-server'

describe.each([
  ['', openid],
  ['', oauth],
  ['/', openid],
  ['/realms/acme', `/realms/acme${openid}`],
  ['/realms/acme', `${oauth}/realms/acme`],
  ['/realms/acme/', `/realms/acme${openid}`],
])('the keys of an issuer at "%s"', (path, metadataPath) => {
  test(`are found by the metadata at ${metadataPath}`, async () => {
    const { provider, read } = await start(webPage, path)
    const issuer = provider.url + path
    provider.listener = at({ ...keys, [metadataPath]: respond({ issuer, jwks_uri: `${provider.url}/keys` }) })
    expect((await read(await sign('one', issuer))).statusCode).toBe(404)
    expectProblem(await read(await sign('one', `${issuer}x`)), 401, 'invalid_token')
  })
})

const wrongMetadata: [string, (url: string) => RequestListener][] = [
  ['name another issuer', (url) => respond({ issuer: 'https://id.example', jwks_uri: `${url}/keys` })],
  ['spell the issuer differently', (url) => respond({ issuer: `${url}/`, jwks_uri: `${url}/keys` })],
  ['name no issuer', (url) => respond({ jwks_uri: `${url}/keys` })],
  ['name no URL for keys', (issuer) => respond({ issuer })],
  ['name a number as URL for keys', (issuer) => respond({ issuer, jwks_uri: 5 })],
  [
    'name a URL that is neither https nor of this machine',
    (issuer) => respond({ issuer, jwks_uri: `${issuer.replace('127.0.0.1', '0.0.0.0')}/keys` }),
  ],
  ['are behind a redirect', (url) => redirectTo(respond({ issuer: url, jwks_uri: `${url}/keys` }))],
  ...failures.map(([what, listener]): [string, (url: string) => RequestListener] => [
    `are requested and the provider ${what}`,
    () => listener,
  ]),
]

// concurrent: some of these providers keep the service waiting
test.concurrent.each(wrongMetadata)(
  'while metadata %s, tokens get 503; afterwards they are accepted',
  async (_what, listener) => {
    const { provider, read } = await start(webPage)
    const { url } = provider
    const token = await sign('one', url)
    provider.listener = at({
      ...keys,
      [openid]: listener(url),
      [oauth]: listener(url),
      [`${openid}?there`]: listener(url),
    })
    const refused = await read(token)
    expectProblem(refused, 503, 'unavailable')
    expect(refused.headers['retry-after']).toBe('5')
    provider.listener = at({ ...keys, [openid]: respond({ issuer: url, jwks_uri: `${url}/keys` }) })
    expect((await read(token)).statusCode).toBe(404)
  },
)

test('one kind of metadata may be slow when the other is valid', async () => {
  const { provider, read } = await start(webPage)
  const { url } = provider
  provider.listener = at({
    ...keys,
    [openid]: () => {},
    [oauth]: respond({ issuer: url, jwks_uri: `${url}/keys` }),
  })
  expect((await read(await sign('one', url))).statusCode).toBe(404)
})

test('keys that move to another URL are found there after five seconds', async () => {
  const { provider, read } = await start(webPage)
  const { url } = provider
  provider.listener = at({
    '/old': respond({ keys: [] }),
    [openid]: respond({ issuer: url, jwks_uri: `${url}/old` }),
  })
  const token = await sign('one', url)
  expectProblem(await read(token), 401, 'invalid_token')
  provider.listener = at({ ...keys, [openid]: respond({ issuer: url, jwks_uri: `${url}/keys` }) })
  skipTime(5_000)
  expect((await read(token)).statusCode).toBe(404)
})

test('metadata are not fetched again for each token', async () => {
  const { provider, read } = await start(webPage)
  const { url } = provider
  provider.listener = at({ ...keys, [openid]: respond({ issuer: url, jwks_uri: `${url}/keys` }) })
  for (const kid of ['one', 'two', 'three', 'one', 'four']) await read(await sign(kid, url))
  expect(provider.requests).toBe(3)
})
