// Token requests that are refused, and the responses, which reveal nothing (contract §2, RFC 6749 §5.2).
import { Readable } from 'node:stream'
import type { LightMyRequestResponse } from 'fastify'
import { describe, expect, test } from 'vitest'
import { revokeClient } from '../../src/auth/clients/clients.ts'
import { startTestApp } from '../support/app.ts'
import {
  addClient,
  agentClient,
  askForToken,
  basic,
  form,
  query,
  serviceClient,
  styles,
  tokenUrl,
  tolerant,
} from './support/oauth.ts'
import { expectProblem } from './support/replies.ts'

const service = await startTestApp(tolerant)
// checking a secret takes much longer than everything else
const costly = await startTestApp({ ...tolerant, SECRET_HASH_COST: '12' })
await addClient(costly, agentClient('known'), 'right', 12)
const known = await addClient(service, agentClient('known'), 'right')
const revoked = await addClient(service, agentClient('revoked'), 'right')
const scopeless = await addClient(service, { ...serviceClient('scopeless'), scopes: [] }, 'right')
await revokeClient(service.database.kysely, 'revoked')

const grant = { grant_type: 'client_credentials' }
const credentials = { client_id: 'known', client_secret: 'right' }

const post = (headers: Record<string, string>, payload?: string, search = '') =>
  service.inject({
    method: 'POST',
    url: tokenUrl + search,
    headers,
    ...(payload === undefined ? {} : { payload }),
  })

function expectBadCredentials(reply: LightMyRequestResponse): void {
  expect([reply.statusCode, reply.body]).toEqual([
    401,
    '{"error":"invalid_client","error_description":"Bad client credentials"}',
  ])
  expect(reply.headers).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'www-authenticate': expect.stringMatching(/^Basic realm="[^"]+"$/),
  })
}

describe.each(styles)('by %s', (style) => {
  test('an unknown client, a wrong secret and a revoked client get the same response', async () => {
    const replies = await Promise.all([
      askForToken(service, style, ['nobody', 'right']),
      askForToken(service, style, ['known', 'wrong']),
      askForToken(service, style, revoked),
      askForToken(service, style, ['known', '']),
      askForToken(service, style, ['KNOWN', 'right']),
      askForToken(service, style, ['known\u0000', 'right']),
    ])
    const seen = replies.map(({ headers, body, statusCode }) => {
      const { 'x-request-id': _, date: __, ...rest } = headers
      return { statusCode, headers: rest, body }
    })
    for (const reply of replies) expectBadCredentials(reply)
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1)
  })

  test('an unknown client takes as long as a wrong secret', async () => {
    const took = async (clientId: string) => {
      const start = performance.now()
      await askForToken(costly, style, [clientId, 'wrong'])
      return performance.now() - start
    }
    // the shortest times; on a busy machine it takes more rounds until both are undisturbed
    let [unknown, wrong] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (
      let round = 0;
      round < 5 || (round < 100 && (unknown < 0.4 * wrong || unknown > 2.5 * wrong));
      round++
    ) {
      unknown = Math.min(unknown, await took('nobody'))
      wrong = Math.min(wrong, await took('known'))
    }
    expect(unknown / wrong).toBeGreaterThan(0.4)
    expect(unknown / wrong).toBeLessThan(2.5)
  })

  test.each([
    ['no grant', {}, 'invalid_request'],
    ['an empty grant', { grant_type: '' }, 'invalid_request'],
    ['the password grant', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['a refresh', { grant_type: 'refresh_token' }, 'unsupported_grant_type'],
    ['an unknown scope', { ...grant, scope: 'admin' }, 'invalid_scope'],
    ['one scope too many', { ...grant, scope: 'interactions admin' }, 'invalid_scope'],
    ['a scope in other letters', { ...grant, scope: 'INTERACTIONS' }, 'invalid_scope'],
  ])('a client that requests %s gets 400', async (_, parameters, error) => {
    const reply = await askForToken(service, style, known, parameters)
    expectProblem(reply, 400, error)
    expect(reply.headers['cache-control']).toBe('no-store')
  })
})

test('a client without scopes that requests one gets 400', async () => {
  expectProblem(await askForToken(service, 'form', scopeless, { ...grant, scope: 'x' }), 400, 'invalid_scope')
})

test('credentials are checked before the grant', async () => {
  expectBadCredentials(await askForToken(service, 'form', ['known', 'wrong'], { grant_type: 'password' }))
})

describe('credentials are missing when', () => {
  test.each([
    ['there are none', form, query(grant)],
    ['the request is empty', {}, undefined],
    ['there is only an id', form, query({ ...grant, client_id: 'known' })],
    ['there is only a secret', form, query({ ...grant, client_secret: 'right' })],
    [
      'an empty body is typed as JSON',
      { 'content-type': 'application/json', 'content-length': '0' },
      undefined,
    ],
    ['Basic is not base64', { ...form, authorization: 'Basic !!!' }, query(grant)],
    ['Basic has no colon', { ...form, authorization: `Basic ${btoa('known')}` }, query(grant)],
    ['Basic is empty', { ...form, authorization: 'Basic ' }, query(grant)],
    ['there is a bearer token instead', { ...form, authorization: 'Bearer x' }, query(grant)],
  ])('%s', async (_, headers, payload) => {
    expectBadCredentials(await post(headers, payload))
  })
})

describe('a body that is no form is not read:', () => {
  const others = [
    ['application/json', JSON.stringify({ ...grant, ...credentials })],
    ['text/plain', query({ ...grant, ...credentials })],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/json', '{'],
  ] as const

  test.each(others)('credentials in %s get 400', async (type, payload) => {
    const reply = await post({ 'content-type': type }, payload)
    expectProblem(reply, 400, 'invalid_request')
    expect(reply.json().error_description).toBe('The body must be application/x-www-form-urlencoded')
  })

  test.each(others)('with %s, credentials elsewhere count', async (type, payload) => {
    const headers = { ...basic(...known), 'content-type': type }
    expect((await post(headers, payload, `?${query(grant)}`)).statusCode).toBe(200)
  })
})

test('credentials in two places that differ get 400, and equal ones count once', async () => {
  await addClient(service, agentClient('other'), 'right')
  const headers = { ...basic(...known), ...form }
  for (const different of [{ client_id: 'other' }, { client_secret: 'wrong' }]) {
    expectProblem(await post(headers, query({ ...grant, ...different })), 400, 'invalid_request')
    expectProblem(await post(headers, query(grant), `?${query(different)}`), 400, 'invalid_request')
    const inForm = query({ ...grant, ...credentials })
    expectProblem(await post(form, inForm, `?${query(different)}`), 400, 'invalid_request')
  }
  const all = query({ ...grant, ...credentials })
  expect((await post(headers, all, `?${all}`)).statusCode).toBe(200)
})

describe('a repeated parameter is refused:', () => {
  test.each([
    ['grant_type', 'grant_type=client_credentials'],
    ['client_id', 'client_id=known'],
    ['client_secret', 'client_secret=right'],
    ['scope', 'scope=interactions&scope=interactions'],
  ])('%s', async (_, more) => {
    const all = `${query({ ...grant, ...credentials })}&${more}`
    expectProblem(await post(form, all), 400, 'invalid_request')
    expectProblem(await post({}, undefined, `?${all}`), 400, 'invalid_request')
  })
})

test('GET and every other method are refused, with and without credentials', async () => {
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const)
    for (const search of ['', `?${query({ ...grant, ...credentials })}`]) {
      const reply = await service.inject({ method, url: tokenUrl + search })
      expect([method, reply.statusCode, reply.headers.allow]).toEqual([method, 405, 'POST'])
      if (method !== 'HEAD') expectProblem(reply, 405, 'method_not_allowed')
    }
})

test('a form may have 16 KiB', async () => {
  const all = `${query({ ...grant, ...credentials })}&x=`
  const ofSize = (bytes: number) => all.padEnd(bytes, 'x')
  expect((await post(form, ofSize(16_384))).statusCode).toBe(200)
  expectProblem(await post(form, ofSize(16_385)), 413, 'payload_too_large')
  expectProblem(await post({ 'content-type': 'text/plain' }, ofSize(16_385)), 413, 'payload_too_large')
  const chunked = { url: tokenUrl, method: 'POST', headers: form } as const
  const reply = await service.inject({ ...chunked, payload: Readable.from([all, 'x'.repeat(16_384)]) })
  expectProblem(reply, 413, 'payload_too_large')
  const small = await service.inject({
    ...chunked,
    payload: Readable.from([all.slice(0, 20), all.slice(20)]),
  })
  expect(small.statusCode).toBe(200)
})

test('a form may have 100 parameters', async () => {
  const all = query({ ...grant, ...credentials })
  expect((await post(form, all + '&a=b'.repeat(97))).statusCode).toBe(200)
  for (const more of ['&a=b'.repeat(98), '&'.repeat(98)])
    expectProblem(await post(form, all + more), 400, 'invalid_request')
})

test.each(['x', '', '/', 'application', 'text/ html'])(
  'the malformed content type "%s" is refused',
  async (type) => {
    const reply = await post({ ...basic(...known), 'content-type': type }, query(grant))
    expectProblem(reply, 400, 'invalid_request')
    expect(reply.headers.accept).toBeUndefined()
  },
)

test('a trailing slash gets 404', async () => {
  const reply = await service.inject({ method: 'POST', url: `${tokenUrl}/`, headers: basic(...known) })
  expectProblem(reply, 404, 'not_found')
})

describe('with TOKEN_QUERY_CREDENTIALS=false', async () => {
  const strict = await startTestApp({ TOKEN_QUERY_CREDENTIALS: 'false' })
  const client = await addClient(strict, agentClient('known'), 'right')

  test('the query style is refused, with a right or a wrong secret', async () => {
    for (const secret of ['right', 'wrong']) {
      const reply = await askForToken(strict, 'query', ['known', secret])
      expectProblem(reply, 400, 'invalid_request')
    }
  })

  test.each(['basic', 'form'] as const)('the %s style is accepted', async (style) => {
    expect((await askForToken(strict, style, client)).json()).toMatchObject({ sub: 'known' })
  })
})
