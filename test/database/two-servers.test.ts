// Two servers with one database and one signing key act as one service.
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { revokeClient } from '../../src/auth/clients/clients.ts'
import { openSigningKey } from '../../src/auth/signing-key.ts'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { startTestApp, testSettings } from '../support/app.ts'
import { noAudit } from '../support/audit.ts'
import { createClient } from '../support/clients.ts'
import { always, query } from '../support/make.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { agentToken, bearer } from '../support/tokens.ts'

const first = await startTestApp()
const second = await startSecondServer(first.databaseUrl)
const servers = [first.app, second] as const
const token = agentToken()

const orders = [
  { here: servers[0], there: servers[1] },
  { here: servers[1], there: servers[0] },
]

describe.each(orders)('between one server and the other', ({ here, there }) => {
  test('a token issued by one server is accepted by the other', async () => {
    const clientId = `client-${randomUUID()}`
    const client = { clientId, role: 'AGENT', organizationId: 'acme', scopes: ['interactions'] } as const
    await createClient(first.database.kysely, client, 'secret')
    const issued = await requestToken(here, clientId)
    expect(issued.statusCode).toBe(200)
    const { access_token } = issued.json()
    expect((await send(there, 'POST', '', { data: {} }, access_token)).statusCode).toBe(200)
    expect((await send(here, 'GET', query(always), undefined, access_token)).statusCode).toBe(200)
  })

  test('both servers publish the same keys', async () => {
    const keys = await Promise.all(servers.map((server) => server.inject('/security/oauth/jwks.json')))
    expect(keys[0]?.json()).toEqual(keys[1]?.json())
    expect(keys[0]?.json().keys).toHaveLength(1)
  })

  test('a revoked client gets no token from either server', async () => {
    const clientId = `client-${randomUUID()}`
    const client = { clientId, role: 'AGENT', organizationId: 'acme', scopes: ['interactions'] } as const
    await createClient(first.database.kysely, client, 'secret')
    expect((await requestToken(there, clientId)).statusCode).toBe(200)
    await revokeClient(first.database.kysely, clientId)
    expect((await requestToken(here, clientId)).statusCode).toBe(401)
    expect((await requestToken(there, clientId)).statusCode).toBe(401)
  })

  test('what one server has stored, the other reads, lists and updates immediately, and does not create again', async () => {
    const organization = randomUUID()
    const token = agentToken(organization)
    for (let round = 0; round < 10; round++) {
      const { interactionId: id } = (await send(here, 'POST', '', { data: { round } }, token)).json()
      expect((await send(there, 'GET', `/${id}`, undefined, token)).json()).toMatchObject({ data: { round } })
      const listed = await send(there, 'GET', query(always), undefined, token)
      expect(listed.json()).toMatchObject({ totalElements: round + 1, content: expect.any(Array) })
      expect(listed.json().content[0].id).toBe(id)
      expect((await send(there, 'POST', '', { interactionId: id }, token)).statusCode).toBe(409)
      expect((await send(there, 'PUT', `/${id}`, { type: 'chat', version: 0 }, token)).statusCode).toBe(204)
      expect((await send(here, 'PUT', `/${id}`, { type: 'chat', version: 0 }, token)).statusCode).toBe(409)
      expect((await send(here, 'GET', `/${id}`, undefined, token)).json()).toMatchObject({
        type: 'chat',
        version: 1,
      })
    }
  })
})

describe('50 concurrent requests to both servers', () => {
  const writers = Array.from({ length: 50 }, (_, writer) => writer)
  const serverOf = (writer: number) => servers[writer % 2 === 0 ? 0 : 1]
  const count = (statuses: readonly number[], status: number) =>
    statuses.filter((one) => one === status).length

  test('updates with the same version: one gets 204, 49 get 409', async () => {
    const { interactionId: id } = (await send(first.app, 'POST', '', {})).json()
    for (const version of [0, 1, 2, 3]) {
      const statuses = await Promise.all(
        writers.map(async (writer) => {
          const body = { data: { writer }, version }
          return (await send(serverOf(writer), 'PUT', `/${id}`, body)).statusCode
        }),
      )
      expect(count(statuses, 204)).toBe(1)
      expect(count(statuses, 409)).toBe(49)
      const stored = (await send(second, 'GET', `/${id}`)).json()
      expect(stored).toMatchObject({ data: { writer: statuses.indexOf(204) }, version: version + 1 })
    }
  })

  test('updates without a version: none is lost', async () => {
    const { interactionId: id } = (await send(first.app, 'POST', '', {})).json()
    const put = (writer: number) => send(serverOf(writer), 'PUT', `/${id}`, { data: { writer } })
    const replies = await Promise.all(writers.map(put))
    expect(replies.every((reply) => reply.statusCode === 204)).toBe(true)
    expect((await send(second, 'GET', `/${id}`)).json().version).toBe(50)
  })

  test('creations of one id: one gets 200, 49 get 409', async () => {
    const interactionId = randomUUID()
    const post = (writer: number) => send(serverOf(writer), 'POST', '', { interactionId, data: { writer } })
    const statuses = (await Promise.all(writers.map(post))).map((reply) => reply.statusCode)
    expect(count(statuses, 200)).toBe(1)
    expect(count(statuses, 409)).toBe(49)
    const stored = (await send(first.app, 'GET', `/${interactionId}`)).json()
    expect(stored.data.writer).toBe(statuses.indexOf(200))
  })
})

type Server = (typeof servers)[number]

function send(server: Server, method: 'GET' | 'POST' | 'PUT', path: string, body?: object, as = token) {
  const payload = body === undefined ? {} : { payload: body }
  return server.inject({ method, url: `/rtc-api/interactions${path}`, headers: bearer(as), ...payload })
}

function requestToken(server: Server, clientId: string) {
  const query = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: 'secret',
  })
  return server.inject({ method: 'POST', url: `/security/oauth/token?${query}` })
}

async function startSecondServer(url: string) {
  const database = openDatabase({ ...testDatabaseSettings, url }, () => {})
  const config = readConfig(testSettings)
  const signingKey = await openSigningKey({ ...config.tokens, dataDirectory: config.dataDirectory })
  const app = await buildApp({ config, database, signingKey, log: pino({ level: 'silent' }), audit: noAudit })
  await app.ready()
  afterAll(async () => {
    await app.close()
    await database.close()
  })
  return app
}
