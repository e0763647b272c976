// Clients that are slow, broken or hostile, on sockets of their own: each gets a documented answer, and harms nobody.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { askForToken, demoClients, serve, temporaryFolder } from '../process/support/caller.ts'
import { isFull } from './support/amount.ts'
import { requestText } from './support/load.ts'
import { residentMegabytes } from './support/memory.ts'

const crowd = isFull ? 1000 : 200
const search = '?start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z'

/** A service whose limits are short, and a caller of it. */
async function start(environment: Record<string, string> = {}) {
  const folder = await temporaryFolder()
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
  /** after its answer, the service hangs up */
  const lastRequest = (method: string, path: string, body?: string) =>
    request(method, path, body).replace('Host:', 'Connection: close\r\nHost:')
  return { service, open, request, lastRequest, token }
}

/** What a service says to this until it hangs up. */
async function say(socket: Socket, words: string): Promise<string> {
  socket.write(words, 'latin1')
  return await text(socket)
}

const statuses = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
const lastBody = (answers: string) => JSON.parse(answers.slice(answers.lastIndexOf('\r\n\r\n') + 4))

test('callers who send slowly are told so and hung up on, however many, and others are served meanwhile', async () => {
  const { service, open, request } = await start()
  const created = request('POST', '', '{"type":"chat"}')
  const slow = Array.from({ length: crowd }, (_, n) => {
    const socket = open()
    const whole = n % 2 === 0 ? request('GET', search) : created
    const drip = setInterval(() => socket.write(n % 2 === 0 ? 'x' : ' '), 500)
    // many times as long as it may take; it would never end where there is no limit
    const giveUp = setTimeout(() => socket.end(), 15_000)
    socket.on('close', () => {
      clearInterval(drip)
      clearTimeout(giveUp)
    })
    return say(socket, whole.slice(0, n % 2 === 0 ? 40 : -10))
  })
  const isServed = async () => (await fetch(`${service.baseUrl}/health/ready`)).status === 200
  expect(await isServed()).toBe(true)
  for (const answer of await Promise.all(slow)) {
    expect(statuses(answer)).toEqual(['408'])
    expect(lastBody(answer)).toMatchObject({ error: 'request_timeout' })
  }
  expect(await isServed()).toBe(true)
  expect(await service.stop()).toBe(0)
})

test('callers who do not read what they asked for are cut off, and take no more memory than they may', async () => {
  const { service, open, lastRequest } = await start({
    UNREAD_TIMEOUT_MS: '3000',
    UNREAD_LIMIT_BYTES: '50000000',
  })
  const write = (length: number) =>
    say(open(), lastRequest('POST', '', `{"data":{"text":"${'x'.repeat(length)}"}}`))
  // pages of 4 MB, which are sent whole, and of 10 MB, which are loaded as they are read
  for (let row = 0; row < 10; row++) await write(1_000_000)
  const before = await residentMegabytes(service.process.pid)
  let peak = 0
  const unread: Socket[] = []
  for (let reader = 0; reader < crowd; reader++) {
    const socket = open().pause()
    socket.write(lastRequest('GET', `${search}&size=${reader % 2 === 0 ? 4 : 10}`))
    unread.push(socket)
    if (reader % 10 === 0) await pause(50)
    peak = Math.max(peak, await residentMegabytes(service.process.pid))
  }
  // it may be refused while so many are asked for
  const readPage = () => say(open(), lastRequest('GET', `${search}&size=10`))
  await vi.waitUntil(async () => (await readPage()).length > 10_000_000, 10_000)
  expect(peak - before).toBeLessThan(600)
  // what stands still is not closed by our reading, but found closed: what had been sent comes, and then the end
  await pause(10_000)
  for (const socket of unread) {
    const read = await text(socket).catch(() => '')
    expect(read.length).toBeLessThan(10_000_000)
  }
  expect(await service.stop()).toBe(0)
})

test('a caller who does not read does not keep the service from stopping', async () => {
  const { service, open, request, lastRequest } = await start()
  for (let row = 0; row < 20; row++)
    await say(open(), lastRequest('POST', '', `{"data":{"text":"${'x'.repeat(1_000_000)}"}}`))
  const socket = open()
  socket.write(request('GET', search))
  // takes as much as fits into its buffer, and no more
  await once(socket, 'readable')
  expect(await service.stop()).toBe(0)
})

test('what comes before garbage is answered first, and what was answered is not answered again', async () => {
  const { open, request, token } = await start()
  const garbage = '\u0000garbage\r\n\r\n'
  const read = request('GET', '/nothing')
  const many = await say(open(), read.repeat(50) + garbage + garbage)
  expect(statuses(many)).toEqual([...Array(50).fill('404'), '400'])
  expect(lastBody(many)).toEqual({ request: 'is not valid HTTP/1.1' })
  const chunked = `POST /rtc-api/interactions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n`
  const refused = await say(open(), `${chunked}\r\nzz\r\n`)
  expect(statuses(refused)).toEqual(['401'])
  const broken = await say(open(), `${read}${chunked}Authorization: Bearer ${token}\r\n\r\n1\r\n{\r\nzz\r\n`)
  expect(statuses(broken)).toEqual(['404', '400'])
})

test('who has sent its last gets its answer; who has not, is told', async () => {
  const { open, request } = await start()
  const ends = async (words: string) => {
    const socket = open()
    socket.end(words)
    return statuses(await text(socket))
  }
  for (let round = 0; round < 20; round++) {
    expect(await ends(request('POST', '', '{}') + request('GET', '/nothing'))).toEqual(['200', '404'])
    expect(await ends(request('POST', '', '{}').slice(0, -1))).toEqual(['400'])
    expect(await ends(request('GET', '/nothing').slice(0, 50))).toEqual(['400'])
  }
})

test('requests beyond all measure have documented answers', async () => {
  const { service, open, lastRequest } = await start()
  const answer = async (words: string) => {
    const said = await say(open(), words)
    return [statuses(said).join(), lastBody(said)]
  }
  const header = (line: string) => lastRequest('GET', '/nothing').replace('Host:', `${line}\r\nHost:`)
  const error = (code: string) => expect.objectContaining({ error: code })
  const page = expect.objectContaining({ totalElements: expect.any(Number) })
  const repeated = (parameter: string) =>
    lastRequest('GET', search + parameter.repeat(12_000 / parameter.length))
  const nested = (depth: number) => `{"data":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`

  expect(await answer(header(`X: ${'x'.repeat(1_000_000)}`))).toEqual(['431', error('headers_too_large')])
  expect(await answer(lastRequest('GET', `/${'x'.repeat(1_000_000)}`))).toEqual([
    '431',
    error('headers_too_large'),
  ])
  expect(await answer(lastRequest('GET', search + '&a'.repeat(100_000)))).toEqual([
    '431',
    error('headers_too_large'),
  ])
  expect(await answer(header('Expect: a miracle'))).toEqual(['417', error('expectation_failed')])
  expect(await answer('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toEqual([
    '400',
    { Host: 'is required' },
  ])
  const parameters = '&a &type=a &tags=a,b &recording=media &sort=id &customerId=a &userId= &size=1'
  for (const parameter of parameters.split(' '))
    expect(await answer(repeated(parameter)), parameter).toEqual(['200', page])
  for (const depth of [2000, 100_000, 500_000])
    expect(await answer(lastRequest('POST', '', nested(depth)))).toEqual([
      '400',
      { body: expect.stringContaining('deeper') },
    ])
  expect(await answer(lastRequest('POST', '', '['.repeat(1_000_000)))).toEqual([
    '400',
    { body: expect.any(String) },
  ])
  for (const coding of ['gzip', 'br', 'gzip, identity'])
    expect(
      await answer(
        lastRequest('POST', '', '{}').replace('Content-Type', `Content-Encoding: ${coding}\r\nContent-Type`),
      ),
    ).toEqual(['415', error('unsupported_media_type')])
  expect(service.errors()).not.toContain('request failed')
})

test('100,000 parameters are read when headers may be so large', async () => {
  const { open, lastRequest } = await start({ HEADER_LIMIT_BYTES: '1048576' })
  for (const parameter of ['&a', '&type=abc'])
    expect(statuses(await say(open(), lastRequest('GET', search + parameter.repeat(100_000))))).toEqual([
      '200',
    ])
})
