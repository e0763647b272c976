// The headers of all responses: request id, content type, caching, location (contract §3, §7).
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer, serviceToken } from '../support/tokens.ts'
import { addClient, agentClient, basic, tokenUrl } from './support/oauth.ts'

const service = await startTestApp()
const agent = agentToken()
const api = '/rtc-api/interactions'
await service.call(agent, 'POST', '', { interactionId: 'one' })
await addClient(service, agentClient('client'), 'secret')

const uuid = /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
const range = '?start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z'
const json = { 'content-type': 'application/json' }

const kinds: [number, string, InjectOptions][] = [
  [200, 'a search', { url: api + range }],
  [200, 'an interaction', { url: `${api}/one` }],
  [200, 'a creation', { method: 'POST', url: api, headers: json, payload: '{}' }],
  [204, 'an update', { method: 'PUT', url: `${api}/one`, headers: json, payload: '{"type":"x"}' }],
  [400, 'a bad parameter', { url: api }],
  [400, 'a bad body', { method: 'POST', url: api, headers: json, payload: '{' }],
  [400, 'a bad path', { url: `${api}/%zz` }],
  [400, 'a bad path elsewhere', { url: '/%' }],
  [401, 'no token', { url: `${api}/one`, headers: { authorization: '' } }],
  [401, 'a bad token', { url: `${api}/one`, headers: bearer('x') }],
  [403, 'another organization', { url: `${api}/one`, headers: bearer(agentToken('globex')) }],
  [404, 'no such interaction', { url: `${api}/nothing` }],
  [404, 'no such path', { url: '/rtc-api/nothing' }],
  [404, 'no such path elsewhere', { url: '/nothing' }],
  [405, 'a method', { method: 'DELETE', url: api }],
  [409, 'a taken id', { method: 'POST', url: api, headers: json, payload: '{"interactionId":"one"}' }],
  [409, 'another version', { method: 'PUT', url: `${api}/one`, headers: json, payload: '{"version":99}' }],
  [413, 'a large body', { method: 'POST', url: api, headers: json, payload: Buffer.alloc(1_048_577) }],
  [415, 'another type', { method: 'POST', url: api, headers: { 'content-type': 'text/xml' }, payload: 'x' }],
  [200, 'health', { url: '/health/live' }],
  [200, 'readiness', { url: '/health/ready' }],
  [200, 'the document', { url: '/openapi.json' }],
  [200, 'the keys', { url: '/security/oauth/jwks.json' }],
  [
    200,
    'a token',
    { method: 'POST', url: `${tokenUrl}?grant_type=client_credentials`, headers: basic('client', 'secret') },
  ],
  [401, 'no client', { method: 'POST', url: tokenUrl }],
  [405, 'GET of a token', { url: tokenUrl }],
]

const send = ({ headers, ...options }: InjectOptions, more: Record<string, string> = {}) =>
  service.inject({ ...options, headers: { ...bearer(agent), ...headers, ...more } })

describe.each(kinds)('%i for %s', (status, _, request) => {
  test('has a unique request id, or the one that the caller sent', async () => {
    const [first, second] = [await send(request), await send(request)]
    expect(first.headers['x-request-id']).toMatch(uuid)
    expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id'])

    const echoed = await send(request, { 'x-request-id': 'Root=1-67:a.b/c+d@e_f' })
    expect(echoed.headers['x-request-id']).toBe('Root=1-67:a.b/c+d@e_f')
  })

  test('is JSON without a charset, and has the security headers', async () => {
    const reply = await send(request, { 'x-request-id': 'again' })
    // the status is the same as for the requests before
    expect(reply.statusCode).toBe(status)
    expect(reply.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
    })
    if (status === 204) {
      expect([reply.body, reply.headers['content-type']]).toEqual(['', undefined])
    } else {
      expect(reply.headers['content-type']).toBe('application/json')
      expect(reply.json()).toBeTypeOf('object')
    }
  })
})

test.each([
  ['longer than 128 characters', 'x'.repeat(129)],
  ['empty', ''],
  ['several words', 'a b'],
  ['HTML', '<script>'],
  ['JSON', '{"a":1}'],
  ['two ids', 'a,b'],
  ['not ASCII', 'é'],
])('a request id that is %s is replaced', async (_, id) => {
  const logged = service.logged.length
  const reply = await send({ url: `${api}/one` }, { 'x-request-id': id })
  expect(reply.headers['x-request-id']).toMatch(uuid)
  expect(service.logged.slice(logged).join()).toContain(String(reply.headers['x-request-id']))
})

test('a request id of 128 characters is kept', async () => {
  const id = 'x'.repeat(128)
  expect((await send({ url: `${api}/one` }, { 'x-request-id': id })).headers['x-request-id']).toBe(id)
})

test('responses of the API must not be cached', async () => {
  for (const url of [api + range, `${api}/one`, `${api}/nothing`])
    expect((await send({ url })).headers['cache-control']).toBe('no-store')
})

test('invalid HTTP gets a JSON error with a request id', async () => {
  const { port } = new URL(await service.app.listen({ host: '127.0.0.1', port: 0 }))
  for (const [broken, status] of [
    ['GET /rtc-api/interactions HTTP/1.1\r\nno header\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nlarge: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(broken)
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(head).toMatch(/^content-type: application\/json\r?$/im)
    expect(Object.values(JSON.parse(body)).map((value) => typeof value)).toContain('string')
    expect(head).toMatch(/^x-request-id: \S+\r?$/im)
  }
})

describe('the Location of a new interaction can be requested unchanged:', () => {
  test.each([
    'plain',
    'a/b',
    '/',
    '100%',
    '%2F',
    'a b',
    ' ',
    'a?b#c',
    'a;b,c',
    'ключ-é-日本-😀',
    '"quoted" \\ \'',
    'a+b',
    '😀'.repeat(255),
    'line\nbreak\ttab',
    '__proto__',
  ])('%s', async (id) => {
    const created = await service.call(agent, 'POST', '', { interactionId: id })
    expect(created.json()).toEqual({ interactionId: id, version: 0 })
    const location = String(created.headers.location)
    expect(location).toMatch(/^\/rtc-api\/interactions\/[\x21-\x7e]+$/)
    const read = await service.inject({ url: location, headers: bearer(serviceToken()) })
    expect(read.json()).toMatchObject({ id, version: 0 })
    const updated = await send({ method: 'PUT', url: location, headers: json, payload: '{"type":"x"}' })
    expect(updated.statusCode).toBe(204)
  })

  test('a generated id', async () => {
    const created = await service.call(agent, 'POST', '', {})
    expect(created.headers.location).toBe(`${api}/${created.json().interactionId}`)
  })

  test('a rejected creation has no Location', async () => {
    const rejected = await service.call(agent, 'POST', '', { interactionId: 'one' })
    expect(rejected.headers).not.toHaveProperty('location')
  })
})
