// During a database outage, callers get 503 and no details (contract §7, §8).
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { openSigningKey } from '../../src/auth/signing-key.ts'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { startTestApp } from '../support/app.ts'
import { noAudit } from '../support/audit.ts'
import { signingKeyPem } from '../support/keys.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { agentToken, bearer } from '../support/tokens.ts'
import { basic, tokenUrl } from './support/oauth.ts'
import { expectErrors, expectProblem } from './support/replies.ts'

const short = { connectTimeoutMs: 200, retryTimeoutMs: 200 }

/** Starts the application with a database that is unavailable. */
async function startWithUnavailable(databaseUrl: string, limits = short) {
  const database = openDatabase({ ...testDatabaseSettings, ...limits, url: databaseUrl }, () => {})
  const config = readConfig({ JWT_PRIVATE_KEY: signingKeyPem })
  const signingKey = await openSigningKey({ ...config.tokens, dataDirectory: config.dataDirectory })
  const logged: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
  const app = await buildApp({ config, database, signingKey, log, audit: noAudit })
  afterAll(async () => {
    await app.close()
    await database.close()
  })
  return { app, logged }
}

/** Returns a port where nothing listens or, if `silent`, where a server accepts connections and never responds. */
async function openPort({ silent }: { silent: boolean }): Promise<number> {
  const server = createServer(
    (socket) =>
      void socket
        .unref()
        .on('error', () => {})
        .resume(),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (silent) server.unref()
  else server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const headers = { ...bearer(agentToken()), 'content-type': 'application/json' }
const api = '/rtc-api/interactions'
const requests = [
  ['a creation', { method: 'POST', url: api, headers, payload: '{}' }],
  ['a read', { method: 'GET', url: `${api}/one`, headers }],
  ['an update', { method: 'PUT', url: `${api}/one`, headers, payload: '{"type":"x"}' }],
  ['a search', { method: 'GET', url: `${api}?start=2025-01-01T00:00Z&end=2025-01-02T00:00Z`, headers }],
  [
    'a token',
    { method: 'POST', url: `${tokenUrl}?grant_type=client_credentials`, headers: basic('client', 's3cret') },
  ],
  ['readiness', { method: 'GET', url: '/health/ready' }],
] as const

describe.each([
  ['refuses connections', { silent: false }],
  ['never responds', { silent: true }],
])('while the database %s', async (_, how) => {
  const { app, logged } = await startWithUnavailable(
    `postgres://someone:pa55w0rd@127.0.0.1:${await openPort(how)}/secret`,
  )

  test.each(requests)('%s gets 503 with Retry-After', async (_, request) => {
    const reply = await app.inject(request)
    expectProblem(reply, 503, 'unavailable')
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
    expect(reply.headers['x-request-id']).toBeTypeOf('string')
    expect(reply.body).not.toMatch(/ECONN|timeout|pg|sql|127\.0|secret|someone| at |stack/i)
    expect(logged.join()).not.toMatch(/pa55w0rd|s3cret/)
  })

  test('the liveness check still succeeds', async () => {
    const reply = await app.inject({ url: '/health/live' })
    expect([reply.statusCode, reply.json()]).toEqual([200, { status: 'live' }])
  })

  test('keys, documentation and validation work without the database', async () => {
    for (const url of [
      '/security/oauth/jwks.json',
      '/.well-known/oauth-authorization-server',
      '/openapi.json',
    ])
      expect((await app.inject({ url })).statusCode).toBe(200)
    expectProblem(await app.inject({ url: api }), 401, 'unauthorized')
    expectErrors(await app.inject({ url: api, headers }), 'start', 'end')
    expectErrors(await app.inject({ method: 'POST', url: api, headers, payload: '{' }), 'body')
  })
})

test('the readiness check does not wait as long as requests do while the database never responds', async () => {
  const longMs = 60_000
  const { app } = await startWithUnavailable(
    `postgres://someone@127.0.0.1:${await openPort({ silent: true })}/any`,
    { connectTimeoutMs: longMs, retryTimeoutMs: longMs },
  )
  const began = performance.now()
  expectProblem(await app.inject({ url: '/health/ready' }), 503, 'unavailable')
  // 2 s, and what a busy machine adds
  expect(performance.now() - began).toBeLessThan(longMs / 6)
})

test('with a working database the readiness check succeeds, without a token', async () => {
  const service = await startTestApp()
  const reply = await service.inject({ url: '/health/ready' })
  expect([reply.statusCode, reply.json()]).toEqual([200, { status: 'ready' }])
})

test('the readiness check succeeds while searches use all connections that they may use', async () => {
  const { databaseUrl, inject } = await startTestApp({ DATABASE_WAIT_MS: '20000' })
  const [lock, watch] = [new Client(databaseUrl), new Client(databaseUrl)]
  await Promise.all([lock.connect(), watch.connect()])
  await lock.query('begin; lock table interactions in access exclusive mode')
  const counted = { ...requests[3][1], url: `${requests[3][1].url}&userId=agent` }
  const searches = Promise.all(Array.from({ length: 20 }, () => inject(counted)))
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  while ((await watch.query(waiting)).rowCount !== Math.ceil(testDatabaseSettings.poolSize / 5));
  expect((await inject({ url: '/health/ready' })).statusCode).toBe(200)
  await Promise.all([lock.end(), watch.end()])
  for (const reply of await searches) expect(reply.statusCode).toBe(200)
})

test('the details of an unexpected error appear in the log only', async () => {
  const service = await startTestApp()
  await service.database.kysely.schema.alterTable('interactions').renameTo('elsewhere').execute()
  for (const [what, request] of requests.slice(0, 4)) {
    const logged = service.logged.length
    const reply = await service.inject(request)
    expectProblem(reply, 500, 'internal_error')
    expect([what, reply.body]).toEqual([
      what,
      expect.not.stringMatching(/relation|interactions|42P01|select| at /),
    ])
    const lines = service.logged.slice(logged).join()
    expect(lines).toContain('42P01')
    expect(lines).toContain(String(reply.headers['x-request-id']))
  }
})
