// Web pages of other origins, which the settings can allow to call (the CORS protocol of the Fetch standard).
import type { InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer } from '../support/tokens.ts'
import { tokenUrl } from './support/oauth.ts'

const allowed = 'https://app.example'
const closed = await startTestApp()
const open = await startTestApp({ CORS_ORIGINS: `${allowed}, http://localhost:5173` })
const anyone = await startTestApp({ CORS_ORIGINS: '*' })
const path = '/rtc-api/interactions'
const preflight = (origin: string, method: string) => ({ origin, 'access-control-request-method': method })

const corsHeaders = (headers: object) => Object.keys(headers).filter((name) => /^access-control-/.test(name))

const requests: [string, InjectOptions][] = [
  ['a preflight', { method: 'OPTIONS', url: path, headers: preflight(allowed, 'POST') }],
  ['a read', { url: `${path}/x`, headers: { ...bearer(agentToken()), origin: allowed } }],
  ['a token request', { method: 'POST', url: tokenUrl, headers: { origin: allowed } }],
]

test.each(requests)('without the setting, %s has no CORS headers', async (_, request) => {
  expect(corsHeaders((await closed.inject(request)).headers)).toEqual([])
})

describe('a preflight', () => {
  test.each([
    ['POST', path],
    ['GET', path],
    ['PUT', `${path}/some%2Fid`],
    ['POST', tokenUrl],
    ['GET', '/security/oauth/jwks.json'],
  ])('of %s %s needs no token, and allows what it requests', async (method, url) => {
    const wanted = 'authorization,content-type,if-match,idempotency-key'
    const reply = await open.inject({
      method: 'OPTIONS',
      url,
      headers: { ...preflight(allowed, method), 'access-control-request-headers': wanted },
    })
    expect([reply.statusCode, reply.body]).toEqual([204, ''])
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': allowed,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT',
      'access-control-allow-headers': wanted,
      'access-control-max-age': '600',
    })
    expect(reply.headers).not.toHaveProperty('access-control-allow-credentials')
  })

  test.each([
    'https://evil.example',
    'http://app.example',
    'https://app.example.evil.example',
    'https://app.example:8443',
    'null',
  ])('of %s is not allowed', async (origin) => {
    const reply = await open.inject({ method: 'OPTIONS', url: path, headers: preflight(origin, 'POST') })
    expect(reply.headers).not.toHaveProperty('access-control-allow-origin')
    expect(reply.headers.vary).toContain('Origin')
  })
})

test('any other OPTIONS lists the methods, as without the setting', async () => {
  for (const service of [closed, open])
    for (const headers of [{}, { origin: allowed }]) {
      const reply = await service.inject({
        method: 'OPTIONS',
        url: path,
        headers: { ...bearer(agentToken()), ...headers },
      })
      expect([reply.statusCode, reply.headers.allow]).toEqual([200, 'GET, POST, HEAD, OPTIONS'])
    }
  expect((await open.inject({ method: 'OPTIONS', url: path })).statusCode).toBe(401)
  expect((await open.inject({ method: 'OPTIONS', url: '/nothing' })).statusCode).toBe(404)
})

describe('a page may read', () => {
  test('the response headers of an interaction', async () => {
    const created = await open.call(agentToken(), 'POST', '', {})
    const url = `${path}/${created.json().interactionId}`
    const { headers } = await open.inject({ url, headers: { ...bearer(agentToken()), origin: allowed } })
    expect(headers['access-control-allow-origin']).toBe(allowed)
    expect(String(headers['access-control-expose-headers']).split(', ')).toEqual(
      expect.arrayContaining(['ETag', 'Link', 'Location', 'Retry-After', 'X-Request-Id']),
    )
  })

  test.each<[number, InjectOptions]>([
    [401, { url: path }],
    [404, { url: `${path}/nothing`, headers: bearer(agentToken()) }],
    [404, { url: '/rtc-api/nothing', headers: bearer(agentToken()) }],
    [405, { method: 'DELETE', url: path, headers: bearer(agentToken()) }],
    [401, { method: 'POST', url: tokenUrl }],
  ])('an error %i', async (status, { headers, ...request }) => {
    const reply = await open.inject({ ...request, headers: { ...headers, origin: allowed } })
    expect(reply.statusCode).toBe(status)
    expect(reply.headers['access-control-allow-origin']).toBe(allowed)
    expect(reply.headers['content-type']).toBe('application/json')
  })

  test('no metrics and no health checks', async () => {
    for (const url of ['/metrics', '/health/ready'])
      expect(corsHeaders((await open.inject({ url, headers: { origin: allowed } })).headers)).toEqual([])
  })

  test('a list, whose Vary also names other headers', async () => {
    const url = `${path}?start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z`
    const { headers } = await open.inject({ url, headers: { ...bearer(agentToken()), origin: allowed } })
    expect(headers.vary).toBe('Origin, Accept, Accept-Encoding')
  })

  test('from any origin, when the setting is *', async () => {
    const { headers } = await anyone.inject({ method: 'POST', url: tokenUrl, headers: { origin: 'null' } })
    expect(headers['access-control-allow-origin']).toBe('*')
  })
})
