// Accepted bodies by type, size and shape. Their content comes back unchanged (contract §7).
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer, serviceToken } from '../support/tokens.ts'
import { expectErrors, expectProblem } from './support/replies.ts'
import { allRows } from './support/untouched.ts'

const service = await startTestApp()
const agent = agentToken()

const create = async (body: unknown, token = agent) =>
  (await service.call(token, 'POST', '', body)).json().interactionId as unknown
const read = async (id: unknown) => (await service.call(serviceToken(), 'GET', `/${id}`)).json()

const post = (contentType: string | undefined, payload: string | Buffer | Readable) =>
  service.inject({
    method: 'POST',
    url: '/rtc-api/interactions',
    headers: { ...bearer(agent), ...(contentType === undefined ? {} : { 'content-type': contentType }) },
    payload,
  })

test.each([
  'application/json',
  'application/json;charset=utf-8',
  'application/json; charset=UTF-8',
  'application/json ; charset="utf-8"',
  'APPLICATION/JSON',
  'application/x+json',
  'application/vnd.acme.v1+json;charset=utf-8',
])('a body of type %s is accepted', async (contentType) => {
  expect((await post(contentType, '{"type":"chat"}')).statusCode).toBe(200)
})

describe('a body is rejected when it is', () => {
  test.each([
    ['without a content type', undefined],
    ['plain text', 'text/plain'],
    ['text/json', 'text/json'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['multipart', 'multipart/form-data; boundary=x'],
    ['binary', 'application/octet-stream'],
    ['XML', 'application/xml'],
    ['of a type that begins like JSON', 'application/jsonp'],
    ['of a type that ends like JSON', 'application/xjson'],
    ['JSON only according to a parameter', 'text/plain; as=application/json'],
    ['of a malformed type', 'json'],
  ])('%s', async (_, contentType) => {
    const before = await allRows(service.database)
    for (const method of ['POST', 'PUT'] as const) {
      const reply = await service.inject({
        method,
        url: `/rtc-api/interactions${method === 'PUT' ? '/x' : ''}`,
        headers: { ...bearer(agent), ...(contentType === undefined ? {} : { 'content-type': contentType }) },
        payload: Buffer.from('{"type":"chat"}'),
      })
      expectProblem(reply, 415, 'unsupported_media_type')
      expect(reply.headers.accept).toBe('application/json, application/*+json')
    }
    expect(await allRows(service.database)).toEqual(before)
  })
})

test('a request without body and content type lacks the body', async () => {
  const request = { url: '/rtc-api/interactions', headers: bearer(agent) }
  expectErrors(await service.inject({ method: 'POST', ...request }), 'body')
  expectErrors(await service.inject({ method: 'PUT', ...request, url: `${request.url}/x` }), 'body')
})

describe('the size of a body', () => {
  const ofSize = (bytes: number) => `{"data":{"a":"${'x'.repeat(bytes - 17)}"}}`.padEnd(bytes)
  const limit = 1_048_576

  test('may be 1 MiB', async () => {
    expect(Buffer.byteLength(ofSize(limit))).toBe(limit)
    expect((await post('application/json', ofSize(limit))).statusCode).toBe(200)
    expect((await post('application/json', Readable.from([ofSize(limit)]))).statusCode).toBe(200)
  })

  test('must not be larger by a byte, with or without Content-Length', async () => {
    const before = await allRows(service.database)
    const body = ofSize(limit + 1)
    for (const payload of [body, Readable.from([body.slice(0, limit), body.slice(limit)])])
      expectProblem(await post('application/json', payload), 413, 'payload_too_large')
    expect(await allRows(service.database)).toEqual(before)
  })

  test('is limited by a setting', async () => {
    const small = await startTestApp({ BODY_LIMIT_BYTES: '1024' })
    expect((await small.call(agent, 'POST', '', ofSize(1024))).statusCode).toBe(200)
    expectProblem(await small.call(agent, 'POST', '', ofSize(1025)), 413, 'payload_too_large')
  })
})

describe('data comes back unchanged:', () => {
  test.each([
    ['a number of 20 digits', '{"n":12345678901234567890}'],
    ['a trailing zero', '{"n":1.0}'],
    ['an exponent', '{"n":1e10,"m":1E+10,"z":-0}'],
    ['a number too large for a double', '{"n":1e400}'],
    ['many digits', `{"n":0.${'123456789'.repeat(50)}}`],
    ['the order of the members', '{"z":1,"a":2,"10":3,"9":4}'],
    ['a duplicate member', '{"a":1,"a":2}'],
    ['an empty name', '{"":{"":[]}}'],
    ['__proto__', '{"__proto__":{"polluted":true}}'],
    ['constructor', '{"constructor":{"prototype":{"polluted":true}}}'],
    ['names of methods', '{"toString":null,"hasOwnProperty":1,"toJSON":"x"}'],
    ['Unicode', '{"ключ":"значение 😀 \u2028 \u202e e\u0301"}'],
    ['escapes', String.raw`{"a":"\ud83d\ude00 \\u0000 \n \/ \u00e9"}`],
    ['white space', '{ "a" :\t[ 1 ,\n2 ] }'],
    ['nulls', '{"a":null,"b":[null]}'],
    ['998 nested arrays', `{"a":${'['.repeat(997)}${']'.repeat(997)}}`],
  ])('%s', async (_, data) => {
    const id = await create(`{"data":${data}}`)
    const reply = await service.call(agent, 'GET', `/${id}`)
    expect(reply.body).toContain(`"data":${data},"version":0}`)
    expect((await service.call(agent, 'PUT', `/${id}`, `{"data":${data}}`)).statusCode).toBe(204)
    const again = await service.call(agent, 'GET', `/${id}`)
    expect(again.body).toContain(`"data":${data},"version":1}`)
    expect(again.headers['content-length']).toBe(String(Buffer.byteLength(again.body)))
    expect({}).not.toHaveProperty('polluted')
  })

  test('a body may have at most 1000 nested levels', async () => {
    const nested = (levels: number) => `{"data":{"a":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}`
    expect((await post('application/json', nested(1000))).statusCode).toBe(200)
    expect((await post('application/json', nested(1001))).statusCode).toBe(400)
  })
})

test('a body may have 1,000 members at its top level, and its data any number', async () => {
  const members = (count: number) => Array.from({ length: count }, (_, n) => `"m${n}":${n}`).join(',')
  expect((await post('application/json', `{${members(999)},"data":{${members(5000)}}}`)).statusCode).toBe(200)
  const before = await allRows(service.database)
  for (const body of [`{${members(1001)}}`, `{${members(1001)}`, `{${'"type":"x",'.repeat(1000)}"type":"x"}`])
    for (const path of ['', '/x'])
      expectErrors(await service.call(agent, path === '' ? 'POST' : 'PUT', path, body), 'body')
  expect(await allRows(service.database)).toEqual(before)
})

test('a body may arrive in small pieces', async () => {
  const body = JSON.stringify({ type: 'chat', data: { text: 'é😀x'.repeat(30_000) } })
  const bytes = Buffer.from(body)
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, n) =>
    bytes.subarray(n * 1000, (n + 1) * 1000),
  )
  const reply = await post('application/json', Readable.from(pieces))
  expect(await read(reply.json().interactionId)).toMatchObject(JSON.parse(body))
})

describe('like a Spring service,', () => {
  test('unknown members are ignored, whatever their values', async () => {
    const body =
      '{"version":7,"id":"x","createdBy":[],"__proto__":{"type":"evil"},"constructor":1,"type":"chat"}'
    const found = await read(await create(body))
    expect(found).toMatchObject({ type: 'chat', version: 0, createdBy: 'agent-1', data: {} })
  })

  test('null means absent', async () => {
    const id = await create({ interactionId: null, type: null, data: null, organizationId: null })
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(await read(id)).toEqual({
      id,
      organizationId: 'acme',
      createdBy: 'agent-1',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      data: {},
      version: 0,
    })
    await service.call(agent, 'PUT', `/${id}`, { type: 'chat', data: { a: 1 } })
    await service.call(agent, 'PUT', `/${id}`, { type: null, data: null, version: null })
    expect(await read(id)).toMatchObject({ type: 'chat', data: { a: 1 }, version: 1 })
  })

  test('an empty type means absent', async () => {
    const id = await create({ type: '' })
    expect(await read(id)).not.toHaveProperty('type')
    await service.call(agent, 'PUT', `/${id}`, { type: 'chat' })
    expect((await service.call(agent, 'PUT', `/${id}`, { type: '', data: { a: 1 } })).statusCode).toBe(204)
    expect(await read(id)).toMatchObject({ type: 'chat', data: { a: 1 }, version: 2 })
    await service.call(agent, 'PUT', `/${id}`, { type: '' })
    expect(await read(id)).toMatchObject({ type: 'chat', version: 2 })
  })

  test('a number or boolean is taken as its text, with all digits', async () => {
    const body = '{"interactionId":12345678901234567890,"type":true,"organizationId":1.50}'
    expect(await create(body, serviceToken())).toBe('12345678901234567890')
    expect(await read('12345678901234567890')).toMatchObject({ type: 'true', organizationId: '1.50' })
  })

  test.each(['0', '"0"', '" 0 "', '0.9', '-0', '0e5', '""', '" "', '"null"', 'null'])(
    'version 0 may be written as %s',
    async (version) => {
      const id = await create({})
      const reply = await service.call(agent, 'PUT', `/${id}`, `{"type":"x","version":${version}}`)
      expect(reply.statusCode).toBe(204)
      expect(await read(id)).toMatchObject({ version: 1 })
    },
  )

  test('the last of duplicate members counts', async () => {
    expect(await read(await create('{"type":"a","type":"b"}'))).toMatchObject({ type: 'b' })
  })
})
