// The service behind PgBouncer in transaction mode, where each transaction may run in another session.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { isCancelled } from '../../src/database/sqlstate.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { startServer } from '../../src/server.ts'
import { findDifferences } from '../../src/totals/verify.ts'
import { startTestApp } from '../support/app.ts'
import { cloneDatabase } from '../support/database.ts'
import { signingKeyPem } from '../support/keys.ts'
import { expectNotHeldUp } from '../support/locked-row.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { agentToken } from '../support/tokens.ts'
import { type PgBouncerSettings, startPgBouncer } from './support/pgbouncer.ts'

const direct = await cloneDatabase()

/** Starts PgBouncer in front of the database of this file. */
async function start(settings: PgBouncerSettings = {}) {
  const pooler = await startPgBouncer(direct.url, settings)
  onTestFinished(() => pooler.stop())
  return pooler.url
}

function open(
  url: string,
  settings: { readonly poolSize?: number; readonly statementTimeoutMs?: number } = {},
) {
  const database = openDatabase({ ...testDatabaseSettings, ...settings, url, usesPooler: true }, () => {})
  onTestFinished(() => database.close())
  return database
}

test('a write to a locked row does not hold up others, and is applied when the row is unlocked', async () => {
  const repository = interactionRepository(open(await start()), { keepsTotals: false })
  await expectNotHeldUp(repository, direct.database)
})

test('a search that takes too long is ended, and no other statement is', async () => {
  const database = open(await start(), { poolSize: 1, statementTimeoutMs: 0 })
  const sleep = database.prepare('sleep', ({ seconds }: { seconds: number }) =>
    sql`select pg_sleep(${seconds}::float8)`.compile(database.kysely),
  )
  const limited = async (seconds: number) => {
    const failure: unknown = await sleep({ seconds }, { timeoutMs: 20 }).then(
      () => undefined,
      (error: unknown) => error,
    )
    return failure === undefined || isCancelled(failure) ? failure !== undefined : failure
  }
  expect(await limited(60)).toBe(true)
  for (let round = 0; round < 60; round++) {
    // ends at about the time when the request to cancel it arrives
    expect(await limited(0.02 + 0.0001 * round)).toBeTypeOf('boolean')
    await sleep({ seconds: 0.01 })
  }
})

// on a slow machine, the requests of 20 organizations wait long for three sessions
const unhurried = { DATABASE_POOL_SIZE: '10', DATABASE_WAIT_MS: '600000', SEARCH_TIMEOUT_MS: '600000' }

test('servers share few sessions that keep few prepared statements, and each gets its own results', async () => {
  const url = await start({ default_pool_size: 3, max_prepared_statements: 2 })
  const apps = await Promise.all([1, 2].map(() => startTestApp(unhurried, { url, database: open(url) })))
  const use = async (index: number) => {
    const app = apps[index % apps.length]
    const organization = `organization-${index}`
    const token = agentToken(organization)
    const path = `/${randomUUID()}`
    const data = { customerId: `customer-${index}`, tags: [`tag-${index}`] }
    const call = async (method: 'GET' | 'POST' | 'PUT', rest: string, body?: unknown) =>
      (await app?.call(token, method, rest, body))?.body
    await call('POST', '', { interactionId: path.slice(1), type: 'chat', data })
    await call('PUT', path, { version: 0, type: 'audio' })
    const range = '?start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z'
    const searches = [
      '',
      `&customerId=customer-${index}`,
      `&tags=tag-${index}`,
      '&type=audio',
      '&type=chat',
      '&sort=type',
    ]
    const pages = await Promise.all(
      searches.map(async (search) => JSON.parse((await call('GET', `${range}${search}`)) ?? '')),
    )
    expect(pages.map(({ totalElements }) => totalElements)).toEqual([1, 1, 1, 1, 0, 1])
    expect(JSON.parse((await call('GET', path)) ?? '')).toMatchObject({
      organizationId: organization,
      version: 1,
      data,
    })
  }
  for (let round = 0; round < 5; round++)
    await Promise.all(Array.from({ length: 20 }, (_, index) => use(20 * round + index)))
})

const configOf = (url: string, more: Record<string, string> = {}) =>
  readConfig({ PORT: '0', DATABASE_URL: url, JWT_PRIVATE_KEY: signingKeyPem, ...more })

test('two servers start at once on a new database, and totals are exact', async () => {
  await sql`drop schema public cascade`.execute(direct.database.kysely)
  await sql`create schema public`.execute(direct.database.kysely)
  const config = configOf(await start(), { DATABASE_POOLER: 'true' })
  const log = pino({ level: 'silent' })
  const servers = await Promise.all([startServer(config, log), startServer(config, log)])
  onTestFinished(async () => {
    for (const server of servers) await server.close()
  })
  const [first, second] = servers.map(({ database }) =>
    interactionRepository(database, { keepsTotals: true }),
  )
  const given = { organizationId: 'acme', createdBy: 'agent', type: undefined, data: '{}' }
  for (let id = 0; id < 50; id++) {
    expect(await first?.create({ ...given, id: `${id}` })).toBe('created')
    expect(await second?.create({ ...given, id: `${id}` })).toBe('duplicate')
  }
  expect(await findDifferences(direct.database)).toEqual([])
})

test.each([
  ['refuses', {}],
  ['drops', { ignore_startup_parameters: 'options' }],
])(
  'where the pooler %s the settings of sessions, the server says which setting helps',
  async (_, settings) => {
    const logged: string[] = []
    const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) })
    const started = await startServer(configOf(await start(settings)), log).then(
      (server) => onTestFinished(() => server.close()),
      (error: Error) => void logged.push(error.message),
    )
    expect(started).toBeUndefined()
    expect(logged.join()).toContain('set DATABASE_POOLER=true')
  },
)
