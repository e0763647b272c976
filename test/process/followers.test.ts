// Servers on a standby, and lists of hosts with one: what is served, what is refused, and what happens at a promotion.
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { isCancelled } from '../../src/database/sqlstate.ts'
import { signingKeyPem } from '../support/keys.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import type { RunningService } from '../support/service.ts'
import { agentToken } from '../support/tokens.ts'
import { askForToken, createInteraction, readStatus, serve, temporaryFolder } from './support/caller.ts'
import { eventually, query } from './support/embedded.ts'
import { promote, replicateSynchronously, startCluster } from './support/standby.ts'

const client = {
  clientId: 'crm',
  clientSecret: 'secret-of-the-crm',
  role: 'AGENT',
  organizationId: 'acme',
} as const

/** So long that a request which is retried is not answered before the time of the test is over. */
const endlessRetries = { RETRY_TIMEOUT_MS: '100000', UNREAD_TIMEOUT_MS: '3600000' }

async function serveOn(url: string, settings: Record<string, string> = {}): Promise<RunningService> {
  return serve({
    DATABASE_URL: url,
    DATA_DIR: await temporaryFolder(),
    JWT_PRIVATE_KEY: signingKeyPem,
    BOOTSTRAP_CLIENTS: JSON.stringify([client]),
    LOG_FORMAT: 'json',
    ...endlessRetries,
    ...settings,
  })
}

/** Returns the status and the body of a response. */
async function call(
  { baseUrl }: RunningService,
  path: string,
  { method = 'GET', body, headers = {} }: { method?: string; body?: string; headers?: object } = {},
) {
  const response = await fetch(baseUrl + path, {
    method,
    headers: { authorization: `Bearer ${agentToken()}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body }),
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

test('a server on a standby serves reads, tokens and searches, refuses writes at once, and writes after a promotion', async () => {
  const cluster = await startCluster()
  await replicateSynchronously(cluster)
  const first = await serveOn(cluster.primary.url)
  const id = await createInteraction(first, agentToken())
  const follower = await serveOn(cluster.standby.url)

  expect(await askForToken(follower, client)).toMatchObject({ status: 200 })
  expect(await readStatus(follower, agentToken(), id)).toBe(200)
  const search = '/rtc-api/interactions?start=2020-01-01T00:00Z&end=2099-01-01T00:00Z'
  const found = await call(follower, search)
  expect(JSON.parse(found.text)).toMatchObject({ totalElements: 1, content: [{ id }] })

  const path = `/rtc-api/interactions/${id}`
  const refusals = await Promise.all([
    call(follower, '/rtc-api/interactions', { method: 'POST', body: '{}' }),
    call(follower, '/rtc-api/interactions', {
      method: 'POST',
      body: '{}',
      headers: { 'idempotency-key': 'k' },
    }),
    call(follower, path, { method: 'PUT', body: '{"type":"audio"}' }),
    call(follower, path, { method: 'PUT', body: '{"type":"audio","version":0}' }),
  ])
  for (const { status, text, headers } of refusals) {
    expect(status).toBe(503)
    expect(text).toMatch('The database takes no writes here.')
    expect(headers.get('retry-after')).toBe('1')
  }

  expect(await call(follower, '/health/ready')).toMatchObject({ status: 200 })
  expect(await call(follower, '/health/ready?for=writes')).toMatchObject({
    status: 503,
    text: expect.stringContaining('"error_description":"The database takes no writes here.'),
  })
  expect(await call(first, '/health/ready?for=writes')).toMatchObject({ status: 200 })
  expect(await call(follower, '/health/ready?for=reads')).toMatchObject({
    status: 400,
    text: '{"for":"must be writes"}',
  })
  expect(follower.errors()).not.toContain('request failed')

  await cluster.primary.stop()
  await promote(cluster)
  await eventually(async () => (await call(follower, '/health/ready?for=writes')).status === 200 || undefined)
  expect(await call(follower, path, { method: 'PUT', body: '{"type":"audio"}' })).toMatchObject({
    status: 204,
  })
  await createInteraction(follower, agentToken())
})

test('with remote_apply a standby shows each acknowledged interaction', async () => {
  const cluster = await startCluster()
  await replicateSynchronously(cluster)
  const first = await serveOn(cluster.primary.url)
  const follower = await serveOn(cluster.standby.url)
  // so long that a read is sure to come before, unless the write has waited
  await query(cluster.standby.url, `alter system set recovery_min_apply_delay = '100ms'`)
  await query(cluster.standby.url, 'select pg_reload_conf()')
  const statuses = new Map<number, number>()

  const createAndRead = async () => {
    for (let created = 0; created < 64; created++) {
      const status = await readStatus(follower, agentToken(), await createInteraction(first, agentToken()))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 32 }, createAndRead))
  expect([...statuses]).toEqual([[200, 2048]])
})

test('a server on a standby warns of clients of BOOTSTRAP_CLIENTS that the database does not have', async () => {
  const cluster = await startCluster()
  await replicateSynchronously(cluster)
  const changed = { ...client, clientId: 'changed' }
  const clients = [client, changed, { ...client, clientId: 'other-secret' }]
  await serveOn(cluster.primary.url, { BOOTSTRAP_CLIENTS: JSON.stringify(clients) })

  const follower = await serveOn(cluster.standby.url, {
    BOOTSTRAP_CLIENTS: JSON.stringify([
      client,
      { ...changed, organizationId: 'another' },
      { ...client, clientId: 'other-secret', clientSecret: 'another-secret' },
      { ...client, clientId: 'missing' },
    ]),
  })
  const warnings = follower
    .errors()
    .split('\n')
    .filter((line) => line.includes('BOOTSTRAP_CLIENTS'))
  expect(warnings.map((line) => JSON.parse(line))).toMatchObject([
    { clients: ['changed', 'other-secret', 'missing'], msg: expect.stringContaining('BOOTSTRAP_CLIENTS') },
  ])
})

test('when the primary is lost, writes go on at the host that is promoted, without an error', async () => {
  const cluster = await startCluster()
  await replicateSynchronously(cluster)
  const places = [cluster.standby, cluster.primary].map(({ url }) => new URL(url).host)
  const { href } = new URL(cluster.primary.url)
  const list = href.replace(new URL(href).host, places.join(','))
  const service = await serveOn(`${list}?target_session_attrs=read-write`)

  let isOver = false
  let created = 0
  const create = async () => {
    while (!isOver) {
      await createInteraction(service, agentToken())
      created++
    }
  }
  const creating = Promise.all(Array.from({ length: 8 }, create))
  await eventually(() => created > 100 || undefined)
  await cluster.primary.stop()
  await promote(cluster)
  const before = created
  await eventually(() => created > before + 100 || undefined)
  isOver = true
  await creating
  expect(await query(cluster.standby.url, 'select count(*)::int from interactions')).toEqual([
    { count: created },
  ])
})

test('of two hosts each target_session_attrs selects its own, and a statement is cancelled there', async () => {
  const cluster = await startCluster()
  const places = [cluster.primary, cluster.standby].map(({ url }) => new URL(url).host)
  const open = (target: string) => {
    const { href } = new URL(cluster.primary.url)
    const url = `${href.replace(new URL(href).host, places.join(','))}?target_session_attrs=${target}`
    const database = openDatabase({ ...testDatabaseSettings, statementTimeoutMs: 0, url }, () => {})
    onTestFinished(() => database.close())
    return database
  }
  const isStandby = async (target: string) => {
    const { rows } = await sql<{ is: boolean }>`select pg_is_in_recovery() as is`.execute(open(target).kysely)
    return rows[0]?.is
  }

  for (const target of ['any', 'read-write', 'primary']) expect(await isStandby(target)).toBe(false)
  for (const target of ['read-only', 'standby', 'prefer-standby']) expect(await isStandby(target)).toBe(true)

  const database = open('standby')
  const wait = database.prepare('', () => sql`select pg_sleep(60)`.compile(database.kysely))
  const error = await wait({}, { timeoutMs: 50 }).catch((failure: unknown) => failure)
  expect(isCancelled(error)).toBe(true)
})
