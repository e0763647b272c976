// Ten times the capacity of the service, on 1,000 connections.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { isFull } from '../faults/support/amount.ts'
import {
  type Connection,
  measureCapacity,
  offer,
  openConnections,
  percentile,
  requestText,
} from '../faults/support/load.ts'
import { residentMegabytes } from '../faults/support/memory.ts'
import { askForToken, dataDirectory, demoClients, readStatus, serve } from '../process/support/caller.ts'

const seconds = isFull ? 30 : 5
/** of the other measurements, what a short run takes */
const share = isFull ? 1 : 0.5

/**
 * Allowed ratio of a percentile of response times with and without overload. Short runs have too few responses for a 99th
 * percentile that one pause of the machine does not distort. Without admission control the ratio would be about 1,000.
 */
const { factor, percent } = isFull ? { factor: 4, percent: 99 } : { factor: 8, percent: 95 }

test('at ten times its capacity it serves accepted requests quickly and rejects the others immediately', async () => {
  const folder = await dataDirectory()
  // Two connections, of which searches use one: on two cores, the load generator takes the other core.
  const service = await serve({ DATA_DIR: folder, DATABASE_POOL_SIZE: '2', KEEP_TOTALS: 'false' })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  await fill(folder, 200_000)
  const year = '?start=2024-01-01T00:00:00Z&end=2025-01-01T00:00:00Z'
  const search = () => requestText(token, 'GET', `${year}&type=audio&page=${Math.floor(Math.random() * 100)}`)
  const connections = await openConnections(service.baseUrl, 1000)
  await measureCapacity(connections.slice(0, 8), search, 2 * share)
  const capacity = await measureCapacity(connections.slice(0, 8), search, 4 * share)
  const calm = await offer(connections, search, { perSecond: capacity / 5, seconds: 10 * share })
  const before = await residentMegabytes(service.process.pid)

  const writing = new AbortController()
  const written = writeUntil(writing.signal, await openConnections(service.baseUrl, 4), token)
  const watched = watch(writing.signal, service.baseUrl, service.process.pid)
  const responses = await offer(connections, search, { perSecond: capacity * 10, seconds })
  writing.abort()
  const after = await offer(connections, search, { perSecond: capacity / 5, seconds: 2 * share }).then(() =>
    offer(connections, search, { perSecond: capacity / 5, seconds: 3 }),
  )

  const served = responses.filter(({ status }) => status === 200)
  const rejected = responses.filter(({ status }) => status !== 200)
  // The service needs a moment to detect that it is overloaded.
  const detectedAt = (responses[0]?.sentAt ?? 0) + 1000
  const steady = served.filter(({ sentAt }) => sentAt > detectedAt)
  const steadilyRejected = rejected.filter(({ sentAt }) => sentAt > detectedAt)
  const { acknowledged, others } = await written
  const { healthy, peak } = await watched
  process.stdout.write(
    `capacity ${capacity.toFixed()}/s, offered ${(responses.length / seconds).toFixed()}/s, served ${served.length}, ` +
      `rejected ${rejected.length}; p99 calm ${percentile(calm, 99).toFixed()} ms, served ${percentile(steady, 99).toFixed()} ms ` +
      `(with the first second ${percentile(served, 99).toFixed()} ms), rejected ${percentile(steadilyRejected, 50).toFixed()} ms; ` +
      `after ${percentile(after, 99).toFixed()} ms; memory ${before.toFixed()}, at most ${peak.toFixed()} MB; ` +
      `${acknowledged.length} writes acknowledged, ${others} rejected\n`,
  )
  expect(served.length / seconds).toBeGreaterThan(capacity / 4)
  expect(
    rejected.filter(({ status, text }) => status !== 503 || !/\r\nretry-after: 1\r\n/i.test(text)),
  ).toEqual([])
  expect(percentile(steady, percent)).toBeLessThan(factor * percentile(calm, percent))
  expect(percentile(steadilyRejected, 50)).toBeLessThan(factor * percentile(calm, percent))
  expect(after.filter(({ status }) => status !== 200)).toEqual([])
  expect(percentile(after, percent)).toBeLessThan(factor * percentile(calm, percent))
  expect(healthy).toBe(true)
  expect(peak).toBeLessThan(before + 150)
  expect(acknowledged.length).toBeGreaterThan(0)
  const missing = await Promise.all(
    acknowledged.map(async (id) => ((await readStatus(service, token, id)) === 200 ? [] : [id])),
  )
  expect(missing.flat()).toEqual([])
  for (const connection of connections) connection.close()
  expect(await service.stop()).toBe(0)
})

test('many large bodies use limited memory: bodies beyond the limit are rejected before they are read', async () => {
  const folder = await dataDirectory()
  const service = await serve({ DATA_DIR: folder, BODIES_LIMIT_BYTES: '20000000' })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  const before = await residentMegabytes(service.process.pid)
  const watching = new AbortController()
  const watched = watch(watching.signal, service.baseUrl, service.process.pid)
  const request = requestText(token, 'POST', '', `{"data":{"text":"${'x'.repeat(1_000_000)}"}}`)
  const connections = await openConnections(service.baseUrl, isFull ? 1000 : 200)
  const responses = await Promise.all(connections.map((connection) => connection.send(request)))
  for (const connection of connections) connection.close()
  // These bodies stay incomplete, and together they exceed the limit.
  const unfinished = await openConnections(service.baseUrl, 30)
  const first = await Promise.race(unfinished.map((connection) => connection.send(request.slice(0, -1))))
  for (const connection of unfinished) connection.close()
  watching.abort()
  const { healthy, peak } = await watched
  const count = (expected: number) => responses.filter(({ status }) => status === expected).length
  // one organization may use half of the limit
  expect(count(200)).toBeGreaterThan(5)
  expect(count(200) + count(503)).toBe(responses.length)
  expect(first.status).toBe(503)
  expect(healthy).toBe(true)
  expect(peak).toBeLessThan(before + 300)
})

async function fill(folder: string, count: number): Promise<void> {
  const client = new Client(await findEmbeddedPostgres(folder))
  await client.connect()
  const { rows } = await client.query(
    'select organization_id from oauth_clients where organization_id is not null',
  )
  await client.query(
    `insert into interactions (id, organization_id, created_by, created_at, type, data)
     select 'row-' || n, $1, 'someone', timestamptz '2024-01-01Z' + n * interval '2 min',
            (array['audio', 'video', 'chat'])[1 + n % 3], '{"customerId":"c"}'
     from generate_series(1, $2::int) n`,
    [rows[0]?.organization_id, count],
  )
  await client.query('vacuum analyze interactions')
  await client.end()
}

/** Creates interactions on each connection, one after the other, until the signal is aborted. */
async function writeUntil(signal: AbortSignal, connections: readonly Connection[], token: string) {
  const acknowledged: string[] = []
  let others = 0
  await Promise.all(
    connections.map(async (connection) => {
      while (!signal.aborted) {
        const id = randomUUID()
        const { status } = await connection.send(requestText(token, 'POST', '', `{"interactionId":"${id}"}`))
        if (status === 200) acknowledged.push(id)
        else others++
        await pause(20)
      }
      connection.close()
    }),
  )
  return { acknowledged, others }
}

async function watch(signal: AbortSignal, baseUrl: string, pid: number | undefined) {
  let healthy = true
  let peak = 0
  while (!signal.aborted) {
    for (const path of ['/health/live', '/health/ready', '/metrics'])
      healthy &&= (await fetch(baseUrl + path)).ok
    await pause(100)
    peak = Math.max(peak, await residentMegabytes(pid))
  }
  return { healthy, peak }
}
