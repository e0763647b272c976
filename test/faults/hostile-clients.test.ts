// Slow, broken and hostile clients get documented responses and do not affect other clients.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { askForToken, dataDirectory, demoClients, serve } from '../process/support/caller.ts'
import { isFull } from './support/amount.ts'
import { requestText } from './support/load.ts'
import { residentMegabytes } from './support/memory.ts'

const clientCount = isFull ? 1000 : 200
const search = '?start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z'

/** Starts a service with short limits and returns functions of a client. */
async function start(environment: Record<string, string> = {}) {
  const folder = await dataDirectory()
  const service = await serve({
    DATA_DIR: folder,
    REQUEST_TIMEOUT_MS: '2000',
    STATEMENT_TIMEOUT_MS: '2000',
    LOCK_TIMEOUT_MS: '1000',
    ...environment,
  })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  const open = () => {
    const socket = connect(Number(new URL(service.baseUrl).port), '127.0.0.1')
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
    return socket
  }
  const request = (method: string, path: string, body?: string) => requestText(token, method, path, body)
  /** The service closes the connection after the response. */
  const lastRequest = (method: string, path: string, body?: string) =>
    request(method, path, body).replace('Host:', 'Connection: close\r\nHost:')
  return { service, open, request, lastRequest, token }
}

/** Sends text and returns everything that the service sends until it closes the connection. */
async function exchange(socket: Socket, message: string): Promise<string> {
  socket.write(message, 'latin1')
  return await text(socket)
}

const statuses = (responses: string) =>
  [...responses.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
const lastBody = (responses: string) => JSON.parse(responses.slice(responses.lastIndexOf('\r\n\r\n') + 4))

test('many clients that send slowly get 408 and are disconnected, while other clients are served', async () => {
  const { service, open, request } = await start()
  const created = request('POST', '', '{"type":"chat"}')
  const slow = Array.from({ length: clientCount }, (_, n) => {
    const socket = open()
    const whole = n % 2 === 0 ? request('GET', search) : created
    const drip = setInterval(() => socket.write(n % 2 === 0 ? 'x' : ' '), 500)
    // Far beyond the limit: without a limit the test would not end.
    const giveUp = setTimeout(() => socket.end(), 15_000)
    socket.on('close', () => {
      clearInterval(drip)
      clearTimeout(giveUp)
    })
    return exchange(socket, whole.slice(0, n % 2 === 0 ? 40 : -10))
  })
  const isServed = async () => (await fetch(`${service.baseUrl}/health/ready`)).status === 200
  expect(await isServed()).toBe(true)
  for (const response of await Promise.all(slow)) {
    expect(statuses(response)).toEqual(['408'])
    expect(lastBody(response)).toMatchObject({ error: 'request_timeout' })
  }
  expect(await isServed()).toBe(true)
  expect(await service.stop()).toBe(0)
})

test('clients that do not read their responses are disconnected and use limited memory', async () => {
  const { service, open, lastRequest } = await start({
    UNREAD_TIMEOUT_MS: '3000',
    RETRY_TIMEOUT_MS: '1000',
    UNREAD_LIMIT_BYTES: '50000000',
  })
  const write = (length: number) =>
    exchange(open(), lastRequest('POST', '', `{"data":{"text":"${'x'.repeat(length)}"}}`))
  // Pages of 4 MB are sent as a whole; pages of 10 MB are loaded while they are read.
  for (let row = 0; row < 10; row++) await write(1_000_000)
  const before = await residentMegabytes(service.process.pid)
  let peak = 0
  const unread: Socket[] = []
  for (let reader = 0; reader < clientCount; reader++) {
    const socket = open().pause()
    socket.write(lastRequest('GET', `${search}&size=${reader % 2 === 0 ? 4 : 10}`))
    unread.push(socket)
    if (reader % 10 === 0) await pause(50)
    peak = Math.max(peak, await residentMegabytes(service.process.pid))
  }
  // It may get 503 while many pages are requested.
  const readPage = () => exchange(open(), lastRequest('GET', `${search}&size=10`))
  await vi.waitUntil(async () => (await readPage()).length > 10_000_000, 10_000)
  expect(peak - before).toBeLessThan(600)
  // Wait until the service has closed the connections: reading earlier would keep them open.
  await pause(10_000)
  for (const socket of unread) {
    const read = await text(socket).catch(() => '')
    expect(read.length).toBeLessThan(10_000_000)
  }
  expect(await service.stop()).toBe(0)
})

test('a client that does not read its response does not keep the service from stopping', async () => {
  const { service, open, request, lastRequest } = await start()
  for (let row = 0; row < 20; row++)
    await exchange(open(), lastRequest('POST', '', `{"data":{"text":"${'x'.repeat(1_000_000)}"}}`))
  const socket = open()
  socket.write(request('GET', search))
  // The socket receives as much as its buffer holds.
  await once(socket, 'readable')
  expect(await service.stop()).toBe(0)
})

test('requests before garbage get their responses first, and no request gets two responses', async () => {
  const { open, request, token } = await start()
  const garbage = '\u0000garbage\r\n\r\n'
  const read = request('GET', '/nothing')
  const many = await exchange(open(), read.repeat(50) + garbage + garbage)
  expect(statuses(many)).toEqual([...Array(50).fill('404'), '400'])
  expect(lastBody(many)).toEqual({ request: 'is not valid HTTP/1.1' })
  const chunked = `POST /rtc-api/interactions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n`
  const unauthorized = await exchange(open(), `${chunked}\r\nzz\r\n`)
  expect(statuses(unauthorized)).toEqual(['401'])
  const broken = await exchange(
    open(),
    `${read}${chunked}Authorization: Bearer ${token}\r\n\r\n1\r\n{\r\nzz\r\n`,
  )
  expect(statuses(broken)).toEqual(['404', '400'])
})

test('a client that half-closes its connection gets its responses, or 400 for an incomplete request', async () => {
  const { open, request } = await start()
  const sendAndEnd = async (message: string) => {
    const socket = open()
    socket.end(message)
    return statuses(await text(socket))
  }
  for (let round = 0; round < 20; round++) {
    expect(await sendAndEnd(request('POST', '', '{}') + request('GET', '/nothing'))).toEqual(['200', '404'])
    expect(await sendAndEnd(request('POST', '', '{}').slice(0, -1))).toEqual(['400'])
    expect(await sendAndEnd(request('GET', '/nothing').slice(0, 50))).toEqual(['400'])
  }
})

test('oversized requests get documented responses', async () => {
  const { service, open, lastRequest } = await start()
  const send = async (message: string) => {
    const response = await exchange(open(), message)
    return [statuses(response).join(), lastBody(response)]
  }
  const header = (line: string) => lastRequest('GET', '/nothing').replace('Host:', `${line}\r\nHost:`)
  const error = (code: string) => expect.objectContaining({ error: code })
  const page = expect.objectContaining({ totalElements: expect.any(Number) })
  const repeated = (parameter: string) =>
    lastRequest('GET', search + parameter.repeat(12_000 / parameter.length))
  const nested = (depth: number) => `{"data":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`

  expect(await send(header(`X: ${'x'.repeat(1_000_000)}`))).toEqual(['431', error('headers_too_large')])
  expect(await send(lastRequest('GET', `/${'x'.repeat(1_000_000)}`))).toEqual([
    '431',
    error('headers_too_large'),
  ])
  expect(await send(lastRequest('GET', search + '&a'.repeat(100_000)))).toEqual([
    '431',
    error('headers_too_large'),
  ])
  expect(await send(header('Expect: something-else'))).toEqual(['417', error('expectation_failed')])
  expect(await send('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toEqual(['400', { Host: 'is required' }])
  const parameters = '&a &type=a &tags=a,b &recording=media &sort=id &customerId=a &userId= &size=1'
  for (const parameter of parameters.split(' '))
    expect(await send(repeated(parameter)), parameter).toEqual(['200', page])
  for (const depth of [2000, 100_000, 500_000])
    expect(await send(lastRequest('POST', '', nested(depth)))).toEqual([
      '400',
      { body: expect.stringContaining('deeper') },
    ])
  expect(await send(lastRequest('POST', '', '['.repeat(1_000_000)))).toEqual([
    '400',
    { body: expect.any(String) },
  ])
  for (const coding of ['gzip', 'br', 'gzip, identity'])
    expect(
      await send(
        lastRequest('POST', '', '{}').replace('Content-Type', `Content-Encoding: ${coding}\r\nContent-Type`),
      ),
    ).toEqual(['415', error('unsupported_media_type')])
  expect(service.errors()).not.toContain('request failed')
})

test('100,000 parameters are accepted if the header limit allows it', async () => {
  const { open, lastRequest } = await start({ HEADER_LIMIT_BYTES: '1048576' })
  for (const parameter of ['&a', '&type=abc'])
    expect(statuses(await exchange(open(), lastRequest('GET', search + parameter.repeat(100_000))))).toEqual([
      '200',
    ])
})
