// Responses that clients do not read take limited memory, by organization.
import { get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { sql } from 'kysely'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { agentToken, bearer } from '../support/tokens.ts'

// one organization may hold half of the limit
const settings = { UNREAD_LIMIT_BYTES: '16777216' }
const service = await startTestApp(settings)
const baseUrl = await service.app.listen({ host: '127.0.0.1', port: 0 })
// pages of 20 MB, which no socket buffers whole
await sql`
  insert into interactions (id, organization_id, created_by, data)
  select o || n, o, 'agent', json_build_object('text', repeat(md5(n::text), 31250))
  from unnest(array['acme', 'globex']) as o, generate_series(1, 20) as n`.execute(service.database.kysely)
await sql`
  insert into interactions (id, organization_id, created_by, data)
  select 'wide' || n, 'wide', 'agent', json_build_object('text', repeat('ä€😀x' || n, 300))
  from generate_series(1, 100) as n`.execute(service.database.kysely)

const pages = `/rtc-api/interactions${query({ ...always, size: '100' })}`

const requestOf = (organization: string, path = pages) =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${agentToken(organization)}\r\n\r\n`

/** Sends requests on a connection whose responses are not read. */
function sendUnread(requests: string): Socket {
  const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1').pause()
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  socket.write(requests)
  return socket
}

const list = (organization: string, headers = {}, from = baseUrl) =>
  fetch(`${from}${pages}`, { headers: { ...bearer(agentToken(organization)), ...headers } })

/** Lists on a connection of its own. @returns a response of which nothing is read, not even into the client's memory */
function listUnread(organization: string, headers = {}, from = baseUrl): Promise<IncomingMessage> {
  const sent = { agent: false, headers: { ...bearer(agentToken(organization)), ...headers } }
  return new Promise((resolve, reject) => {
    get(`${from}${pages}`, sent, (response) => {
      onTestFinished(() => void response.destroy())
      resolve(response.on('error', () => {}))
    }).on('error', reject)
  })
}

/** Lists without reading the responses until one is refused. @returns the others */
async function listUntilRefused(
  organization: string,
  headers = {},
  from = baseUrl,
): Promise<IncomingMessage[]> {
  const held: IncomingMessage[] = []
  for (;;) {
    const response = await listUnread(organization, headers, from)
    if (response.statusCode === 503) return held
    expect(held.push(response)).toBeLessThan(20)
  }
}

/** Reads a response to its end. @returns whether it was complete */
async function readToEnd(response: IncomingMessage): Promise<boolean> {
  await new Promise((resolve) => response.once('close', resolve).resume())
  return response.complete
}

/** How many requests with a remembered token have been accepted. */
async function requestsHandled(): Promise<number> {
  const { body } = await service.inject({ url: '/metrics' })
  return Number(/^token_cache_lookups_total\{result="hit"\} (\d+)$/m.exec(body)?.[1])
}

async function countPage(organization: string, from = baseUrl): Promise<number> {
  const response = await list(organization, {}, from)
  expect(response.status).toBe(200)
  return JSON.parse(await response.text()).content.length
}

test.each([
  ['as it is', {}],
  ['compressed', { 'accept-encoding': 'gzip' }],
])(
  'an organization that does not read is refused further large responses, and no other (%s)',
  async (_, headers) => {
    // stops the clock: nothing counts as stalled
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const slow = await list('globex')
    await listUntilRefused('acme', headers)
    const refused = await list('acme', headers)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('content-encoding')).toBeNull()
    expect(await refused.json()).toHaveProperty('error', 'overloaded')
    const small = await service.call(agentToken(), 'GET', '/acme1000')
    expect(small.statusCode).toBe(404)
    expect(await countPage('globex')).toBe(20)
    expect(JSON.parse(await slow.text()).content).toHaveLength(20)
  },
)

test('what has not been read for seconds gives way to new responses of the same organization', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  // a service of its own: responses to other tests may still be held by the shared one
  const own = await startTestApp(settings, { url: service.databaseUrl, database: service.database })
  const from = await own.app.listen({ host: '127.0.0.1', port: 0 })
  const held = await listUntilRefused('acme', {}, from)
  vi.advanceTimersByTime(5_000)
  expect(await countPage('acme', from)).toBe(20)
  const complete = await Promise.all(held.map(readToEnd))
  expect(complete.filter((isComplete) => !isComplete)).toHaveLength(1)
})

test('of many requests of a client that does not read, few are handled at a time', async () => {
  const before = await requestsHandled()
  const small = requestOf('globex', '/rtc-api/interactions/unknown')
  sendUnread(requestOf('globex') + small.repeat(20_000))
  await expect.poll(requestsHandled).toBeGreaterThan(before + 1)
  // others are served meanwhile, and these too, if they were read
  for (let other = 0; other < 100; other++) expect((await list('initech')).status).toBe(200)
  expect((await requestsHandled()) - before).toBeLessThan(1_000)
})

test('a large response has its length and every character', async () => {
  const url = `${baseUrl}/rtc-api/interactions${query({ ...always, size: '100' })}`
  const response = await fetch(url, {
    headers: { ...bearer(agentToken('wide')), 'accept-encoding': 'identity' },
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  expect(bytes.length).toBeGreaterThan(200_000)
  expect(response.headers.get('content-length')).toBe(`${bytes.length}`)
  const { content } = JSON.parse(bytes.toString())
  const texts = content.map(({ data }: { data: { text: string } }) => data.text)
  expect(texts.toSorted()).toEqual(
    Array.from({ length: 100 }, (_, n) => `ä€😀x${n + 1}`.repeat(300)).toSorted(),
  )
  const head = await fetch(url, {
    method: 'HEAD',
    headers: { ...bearer(agentToken('wide')), 'accept-encoding': 'identity' },
  })
  expect(head.headers.get('content-length')).toBe(`${bytes.length}`)
})
