// What a caller of another organization makes PostgreSQL send: nothing of the data.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'
import { pino } from 'pino'
import { afterAll, expect, test } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { openSigningKey } from '../../src/auth/signing-key.ts'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { testSettings } from '../support/app.ts'
import { noAudit } from '../support/audit.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { agentToken, bearer, serviceToken } from '../support/tokens.ts'

const { url } = await cloneDatabase()
let sent = 0

/** Passes connections on to PostgreSQL, and counts the bytes that it sends. */
const proxy = createServer((client) => {
  const { hostname, port } = new URL(url)
  const server = connect(Number(port), hostname)
  server.on('data', ({ length }) => {
    sent += length
  })
  pipeline(client, server, client, () => {})
})
proxy.listen(0, '127.0.0.1')
await once(proxy, 'listening')
const address = proxy.address()
const port = typeof address === 'object' ? address?.port : undefined
const proxied = Object.assign(new URL(url), { hostname: '127.0.0.1', port: `${port}` }).href
const database = openDatabase({ ...testDatabaseSettings, url: proxied }, () => {})
const config = readConfig(testSettings)
const signingKey = await openSigningKey({ ...config.tokens, dataDirectory: config.dataDirectory })
const app = await buildApp({ config, database, signingKey, log: pino({ level: 'silent' }), audit: noAudit })
afterAll(async () => {
  await app.close()
  await database.close()
  proxy.close()
})

const call = (token: string, method: 'GET' | 'POST' | 'PUT', path: string, payload?: object, headers = {}) =>
  app.inject({
    method,
    url: `/rtc-api/interactions${path}`,
    headers: { ...bearer(token), ...headers },
    ...(payload === undefined ? {} : { payload }),
  })
const [own, other] = [agentToken('acme'), agentToken('globex')]
const data = { text: 'x'.repeat(800_000) }
await call(own, 'POST', '', { interactionId: 'large', data })
await call(own, 'POST', '', { interactionId: 'small', data: {} })

/** Returns how many bytes PostgreSQL sends for a request, and the status of the response. */
async function measure(request: Promise<{ statusCode: number }>) {
  const before = sent
  const { statusCode } = await request
  return { statusCode, bytes: sent - before }
}

const type = { type: 'chat' }

test.each([
  ['GET', () => call(other, 'GET', '/large')],
  ['GET with If-Match', () => call(other, 'GET', '/large', undefined, { 'if-match': '"7"' })],
  ['PUT', () => call(other, 'PUT', '/large', type)],
  ['PUT with If-None-Match', () => call(other, 'PUT', '/large', type, { 'if-none-match': '"7"' })],
])('%s of a large interaction of another organization loads no data', async (_, request) => {
  const { statusCode, bytes } = await measure(request())
  expect(statusCode).toBe(403)
  expect(bytes).toBeGreaterThan(0)
  expect(bytes).toBeLessThan(2_000)
})

test('an own interaction is loaded, and any by a SERVICE', async () => {
  for (const token of [own, serviceToken()]) {
    const { statusCode, bytes } = await measure(call(token, 'GET', '/large'))
    expect(statusCode).toBe(200)
    expect(bytes).toBeGreaterThan(800_000)
  }
})

test('callers of several organizations who want the same interaction at once each get what they may have', async () => {
  const repository = interactionRepository(database, { keepsTotals: false })
  const scopes = ['globex', 'acme', undefined, 'globex', 'acme', 'initech', undefined]
  const found = await Promise.all(scopes.map((scope) => repository.find('small', scope)))
  expect(found.map((row) => row?.data)).toEqual([null, '{}', '{}', null, '{}', null, '{}'])
  expect(await repository.find('missing', 'acme')).toBeUndefined()
})
