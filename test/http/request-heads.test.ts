// Heads of requests that are sent unchanged: Host, Transfer-Encoding, Expect (contract §7, RFC 9112).
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken } from '../support/tokens.ts'
import { expectUntouched } from './support/untouched.ts'

const service = await startTestApp()
const { port } = new URL(await service.app.listen({ host: '127.0.0.1', port: 0 }))
const authorization = `Authorization: Bearer ${agentToken()}`

function open(): Socket {
  const socket = connect(Number(port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return socket
}

const request = (line: string, headers: readonly string[], body = '') =>
  `${[line, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`

/** Sends a request and returns the status and the body of the response. */
async function exchange(...parts: Parameters<typeof request>) {
  const socket = open()
  socket.write(request(...parts))
  const response = await text(socket)
  return [Number(response.slice(9, 12)), response.slice(response.indexOf('\r\n\r\n') + 4)] as const
}

describe('the Host of a request', () => {
  test.each([
    ['missing', []],
    ['repeated', ['Host: a', 'Host: a']],
    ['repeated in other letters', ['Host: a', 'HOST: b']],
    ['empty', ['Host:']],
    ['quoted', ['Host: a"<b>']],
    ['a URL', ['Host: http://a']],
    ['a path', ['Host: a/b']],
    ['a user and a host', ['Host: user@a']],
    ['two hosts', ['Host: a, b']],
    ['a port that is no number', ['Host: a:x']],
    ['an IPv6 address without brackets', ['Host: ::1']],
  ])('must not be %s', async (_, hosts) => {
    for (const path of ['/health/live', '/nothing', '/rtc-api/interactions/x', '/security/oauth/token']) {
      // a valid one before must not hide it
      await exchange(`GET ${path} HTTP/1.1`, ['Host: a', authorization])
      const [status, body] = await exchange(`GET ${path} HTTP/1.1`, [...hosts, authorization])
      expect([status, JSON.parse(body)]).toEqual([400, { Host: expect.stringMatching(/\w/) }])
    }
  })

  test.each([
    'a',
    'api.example:8080',
    'api.example:',
    '127.0.0.1:80',
    '[::1]',
    '[::1]:8080',
    'my_host',
    'xn--e1aybc.example',
  ])('may be %s', async (host) => {
    expect((await exchange('GET /health/live HTTP/1.1', [`Host: ${host}`]))[0]).toBe(200)
  })

  test('may be missing in HTTP/1.0', async () => {
    expect((await exchange('GET /health/live HTTP/1.0', []))[0]).toBe(200)
  })
})

describe('a Transfer-Encoding', () => {
  expectUntouched(service.database)
  const headers = ['Host: a', authorization, 'Content-Type: application/json']
  const body = '2\r\n{}\r\n0\r\n\r\n'

  test.each(['gzip', 'gzip, chunked', 'identity, chunked', 'x, chunked'])('%s gets 501', async (coding) => {
    for (const path of ['/rtc-api/interactions', '/security/oauth/token', '/nothing']) {
      const [status, reply] = await exchange(
        `POST ${path} HTTP/1.1`,
        [...headers, `Transfer-Encoding: ${coding}`],
        body,
      )
      expect([status, JSON.parse(reply)]).toMatchObject([501, { error: 'not_implemented' }])
    }
  })

  test('must not be repeated', async () => {
    const [status] = await exchange(
      'POST /nothing HTTP/1.1',
      [...headers, 'Transfer-Encoding: chunked, chunked'],
      body,
    )
    expect(status).toBe(400)
  })
})

test('a chunked body is accepted, however the coding is spelled', async () => {
  const headers = ['Host: a', authorization, 'Content-Type: application/json', 'Transfer-Encoding: Chunked']
  const [status] = await exchange('POST /rtc-api/interactions HTTP/1.1', headers, '2\r\n{}\r\n0\r\n\r\n')
  expect(status).toBe(200)
})

test('a chunked body of very many chunks gets 400', async () => {
  const headers = ['Host: a', authorization, 'Content-Type: application/json', 'Transfer-Encoding: chunked']
  const chunks = (count: number) => `1\r\n \r\n`.repeat(count)
  const end = '2\r\n{}\r\n0\r\n\r\n'
  const post = (count: number) =>
    exchange('POST /rtc-api/interactions HTTP/1.1', headers, chunks(count) + end)
  expect((await post(1000))[0]).toBe(200)
  const [status, body] = await post(2000)
  expect([status, JSON.parse(body)]).toEqual([400, { body: expect.stringContaining('chunks') }])
})

describe('Expect: 100-continue', () => {
  const expectation = ['Host: a', 'Expect: 100-continue', 'Content-Length: 2']
  const json = 'Content-Type: application/json'

  test('is answered with 100 when the body is going to be read', async () => {
    for (const [path, headers, body] of [
      ['/rtc-api/interactions', [authorization, json], '{}'],
      ['/security/oauth/token', ['Content-Type: application/x-www-form-urlencoded'], 'a='],
    ] as const) {
      const socket = open()
      socket.write(request(`POST ${path} HTTP/1.1`, [...expectation, ...headers]))
      const [first] = await once(socket, 'data')
      expect(`${first}`).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      socket.write(body)
      expect(await text(socket)).toMatch(
        path === '/rtc-api/interactions' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 401 /,
      )
    }
  })

  test.each([
    [401, 'POST', '/rtc-api/interactions', [json]],
    [404, 'POST', '/rtc-api/nothing', [authorization, json]],
    [404, 'POST', '/nothing', [json]],
    [405, 'PATCH', '/rtc-api/interactions', [authorization, json]],
    [415, 'POST', '/rtc-api/interactions', [authorization, 'Content-Type: text/plain']],
    [415, 'POST', '/rtc-api/interactions', [authorization, json, 'Content-Encoding: gzip']],
    [413, 'POST', '/rtc-api/interactions', [authorization, json, 'Content-Length: 9999999']],
    [413, 'POST', '/security/oauth/token', ['Content-Length: 16385']],
  ])('gets %i instead for a %s of %s', async (status, method, path, headers) => {
    const others = headers.some((header) => header.startsWith('Content-Length'))
      ? expectation.slice(0, -1)
      : expectation
    const socket = open()
    socket.write(request(`${method} ${path} HTTP/1.1`, [...others, ...headers]))
    expect(await text(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })
})

test('a connection whose body is refused stays open when the rest is small, and is closed when it is not', async () => {
  const post = (length: string) => `POST /nothing HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n`
  const small = open()
  small.write(`${post('Content-Length: 100000')}${'x'.repeat(100_000)}`)
  small.write(request('GET /health/live HTTP/1.1', ['Host: a']))
  expect((await text(small)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 200'])
  for (const length of ['Content-Length: 1048577', 'Transfer-Encoding: chunked']) {
    const large = open()
    large.write(post(length))
    expect(await text(large)).toMatch(/^HTTP\/1\.1 404 .*connection: close/is)
  }
})
