// Unknown paths, unsupported methods, HEAD and OPTIONS (contract §7, spring-facts §8).
import { once } from 'node:events'
import { METHODS, request } from 'node:http'
import { json as readJson } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer } from '../support/tokens.ts'
import { expectProblem } from './support/replies.ts'
import { expectUntouched } from './support/untouched.ts'

const service = await startTestApp()
const agent = agentToken()
await service.call(agent, 'POST', '', { interactionId: 'one', data: { name: 'é' } })
expectUntouched(service.database)

const all = '/rtc-api/interactions'
const one = `${all}/one`
const range = '?start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z'
type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
const json = { 'content-type': 'application/json' }
const send = (method: Method, url: string, more: object = {}) =>
  service.inject({ method, url, headers: { ...bearer(agent), ...json }, ...more })

describe('an unknown path gets 404:', () => {
  test.each([
    `${all}/`,
    `${all}/${range}`,
    `${one}/`,
    `${one}/data`,
    `${one}//`,
    `/${all}`,
    '/RTC-API/interactions',
    '/rtc-api/Interactions',
    '/rtc-api/interaction',
    '/rtc-api',
    '/rtc-api/',
    '/interactions',
    '/openapi.yaml',
    '/health',
    '/health/live/',
  ])('%s', async (url) => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const)
      expectProblem(await send(method, url, method === 'GET' ? {} : { payload: '{}' }), 404, 'not_found')
  })
})

test('the root leads to the page for people', async () => {
  const reply = await send('GET', '/')
  expect([reply.statusCode, reply.headers.location]).toEqual([302, 'docs'])
  expectProblem(await send('POST', '/'), 405, 'method_not_allowed')
})

test.each(['/nothing', '/health', '/rtc-api/nothing', `${one}/x`])(
  'an unknown path does not read the body: %s',
  async (url) => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'json', 'x/y'])
      for (const payload of ['{', Buffer.alloc(2_000_000), Buffer.from([0xff])]) {
        const headers = { ...bearer(agent), 'content-type': type }
        expectProblem(await send('POST', url, { headers, payload }), 404, 'not_found')
      }
  },
)

test('an unknown path of the API needs a token', async () => {
  for (const url of ['/rtc-api', '/rtc-api/nothing', `${one}/x`])
    expectProblem(await send('POST', url, { headers: json, payload: '{' }), 401, 'unauthorized')
})

describe('methods:', () => {
  test.each(['PUT', 'PATCH', 'DELETE'] as const)('%s on the collection is rejected', async (method) => {
    const reply = await send(method, all)
    expectProblem(reply, 405, 'method_not_allowed')
    expect(reply.headers.allow).toBe('GET, POST')
  })

  test.each(['POST', 'PATCH', 'DELETE'] as const)('%s on an interaction is rejected', async (method) => {
    for (const url of [one, `${all}/nothing`]) {
      const reply = await send(method, url)
      expectProblem(reply, 405, 'method_not_allowed')
      expect(reply.headers.allow).toBe('GET, PUT')
    }
  })

  test('every method that HTTP knows is rejected, wherever it is not supported', async () => {
    const allowed: Record<string, string> = {
      [all]: 'GET, POST',
      [one]: 'GET, PUT',
      '/security/oauth/token': 'POST',
      '/security/oauth/jwks.json': 'GET',
      '/.well-known/oauth-authorization-server': 'GET',
      '/health/live': 'GET',
      '/metrics': 'GET',
      '/openapi.json': 'GET',
    }
    const supported = ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'CONNECT']
    const { port } = new URL(await service.app.listen({ host: '127.0.0.1', port: 0 }))
    for (const [path, allow] of Object.entries(allowed))
      for (const method of METHODS.filter((known) => !supported.includes(known))) {
        const sent = request({
          port,
          path,
          method,
          headers: { ...bearer(agent), ...json, 'content-length': 2 },
        })
        sent.end('{}')
        const [reply] = await once(sent, 'response')
        expect([path, method, reply.statusCode, reply.headers.allow]).toEqual([path, method, 405, allow])
        expect(await readJson(reply)).toMatchObject({ error: 'method_not_allowed' })
      }
  })

  test('a rejected method does not read the body', async () => {
    for (const payload of ['{', Buffer.alloc(2_000_000), Buffer.from([0xff])])
      expectProblem(await send('PATCH', one, { payload }), 405, 'method_not_allowed')
    const reply = await send('DELETE', one, {
      headers: { ...bearer(agent), 'content-type': 'text/xml' },
      payload: '<a/>',
    })
    expectProblem(reply, 405, 'method_not_allowed')
  })

  test.each([
    [all, ['GET', 'HEAD', 'OPTIONS', 'POST']],
    [one, ['GET', 'HEAD', 'OPTIONS', 'PUT']],
  ])('OPTIONS on %s lists the allowed methods', async (url, methods) => {
    const reply = await send('OPTIONS', url, { headers: bearer(agent) })
    expect([reply.statusCode, reply.body]).toEqual([200, ''])
    expect(String(reply.headers.allow).split(/, ?/).sort()).toEqual(methods)
  })
})

test('OPTIONS lists only supported methods, and does not read the body', async () => {
  const token = await send('OPTIONS', '/security/oauth/token')
  expect([token.statusCode, token.headers.allow]).toEqual([200, 'POST, OPTIONS'])
  const headers = { ...bearer(agent), 'content-type': 'text/plain' }
  expect((await send('OPTIONS', all, { headers, payload: 'x' })).statusCode).toBe(200)
})

test.each(['/health/live', '/health/ready', '/openapi.json'])('POST on %s is rejected', async (url) => {
  expectProblem(await send('POST', url), 405, 'method_not_allowed')
})

test('a path that leaves the folder of the documentation gets 404', async () => {
  expectProblem(await send('GET', '/docs/static/../../package.json'), 404, 'not_found')
})

test.each([one, all + range])('HEAD %s gets the headers of GET, without the body', async (url) => {
  const get = await send('GET', url)
  const head = await send('HEAD', url)
  expect([head.statusCode, head.body]).toEqual([200, ''])
  expect(head.headers['content-type']).toBe('application/json')
  expect(head.headers['content-length']).toBe(get.headers['content-length'])
})

test.each([
  [`${all}/nothing`, 404],
  [all, 400],
  [`${all}/${'x'.repeat(256)}`, 400],
])('HEAD %s gets the error status of GET, without the body', async (url, status) => {
  const reply = await send('HEAD', url)
  expect([reply.statusCode, reply.body]).toEqual([status, ''])
})

test('HEAD on an interaction of another organization is forbidden', async () => {
  const reply = await send('HEAD', one, { headers: bearer(agentToken('globex')) })
  expect(reply.statusCode).toBe(403)
})
