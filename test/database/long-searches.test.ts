// Searches that take too long are ended, in the database as well (contract §6, §9).
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, expect, test } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { openSigningKey } from '../../src/auth/signing-key.ts'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { testSettings } from '../support/app.ts'
import { noAudit } from '../support/audit.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { agentToken, bearer } from '../support/tokens.ts'

const { url, database: other } = await cloneDatabase()
const token = agentToken('acme')
const year = 'start=2024-01-01T00:00:00Z&end=2024-12-31T00:00:00Z'

async function serve(searchTimeoutMs: number) {
  const config = readConfig({
    ...testSettings,
    SEARCH_TIMEOUT_MS: `${searchTimeoutMs}`,
    DATABASE_POOL_SIZE: '10',
  })
  // no lock timeout ends a statement before the search timeout does
  const limits = { poolSize: 10, statementTimeoutMs: 0, lockTimeoutMs: 0 }
  const database = openDatabase({ ...testDatabaseSettings, ...limits, url }, () => {})
  const signingKey = await openSigningKey({ ...config.tokens, dataDirectory: config.dataDirectory })
  const app = await buildApp({ config, database, signingKey, log: pino({ level: 'silent' }), audit: noAudit })
  await app.listen({ port: 0, host: '127.0.0.1' })
  afterAll(async () => {
    await app.close()
    await database.close()
  })
  const [address] = app.addresses()
  const port = typeof address === 'object' ? address.port : 0
  const search = (query: string, accept = 'application/json') =>
    app.inject({ url: `/rtc-api/interactions?${query}`, headers: { ...bearer(token), accept } })
  const open = (query: string) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write(
      `GET /rtc-api/interactions?${query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    )
    return socket
  }
  return { search, open }
}

const patient = await serve(600_000)
const hasty = await serve(100)

/** Runs work while the table is locked: searches wait. */
async function whileLocked<Result>(work: () => Promise<Result>): Promise<Result> {
  return other.kysely.transaction().execute(async (transaction) => {
    await sql`lock table interactions in access exclusive mode`.execute(transaction)
    return work()
  })
}

async function waitingSearches(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()`.execute(other.kysely)
  return rows[0]?.count ?? 0
}

const waiting = (count: number) => expect.poll(waitingSearches).toBe(count)

test.each([
  ['tags=vip', 'a shorter range from start to end, a customerId or a conferenceId.'],
  [
    'sort=type',
    'a shorter range from start to end, a customerId, a conferenceId or sorting by createdAt alone.',
  ],
  ['customerId=c', 'a shorter range from start to end.'],
])(
  'a search with %s that takes too long gets 503, and says what would make it cheap',
  async (query, ways) => {
    await whileLocked(async () => {
      const reply = await hasty.search(`${year}&${query}`)
      expect(reply.statusCode).toBe(503)
      expect(reply.json()).toEqual({
        error: 'search_timeout',
        error_description: `The search was ended because it took longer than 0.1 s. It takes less time with ${ways}`,
      })
      expect(reply.headers['retry-after']).toBe('1')
      expect(await waitingSearches()).toBe(0)
    })
    expect((await hasty.search(`${year}&${query}`)).statusCode).toBe(200)
  },
)

test('a stream of lines that takes too long to begin gets the same response', async () => {
  await whileLocked(async () => {
    const reply = await hasty.search(`${year}&tags=vip`, 'text/csv')
    expect(reply.statusCode).toBe(503)
    expect(reply.json().error).toBe('search_timeout')
    expect(await waitingSearches()).toBe(0)
  })
  expect((await hasty.search(year, 'text/csv')).statusCode).toBe(200)
})

test.each(['destroy', 'end', 'resetAndDestroy'] as const)(
  'the search of a caller that has hung up (%s) is ended in the database',
  async (way) => {
    await whileLocked(async () => {
      const socket = patient.open(`${year}&tags=vip`)
      socket.on('error', () => {})
      await waiting(1)
      if (way !== 'end') socket[way]()
      else socket.end().destroySoon()
      await waiting(0)
    })
  },
)

test('searches that still wait for their turn do not run when their callers have hung up', async () => {
  await whileLocked(async () => {
    const sockets = Array.from({ length: 20 }, () => patient.open(`${year}&tags=vip`).on('error', () => {}))
    // a fifth of the connections
    await waiting(2)
    for (const socket of sockets.slice(5)) socket.destroy()
    for (const socket of sockets.slice(0, 5)) socket.destroy()
    await waiting(0)
  })
  expect((await patient.search(`${year}&tags=vip`)).statusCode).toBe(200)
})

test('a client that closes only its sending side gets its response', async () => {
  const response = await whileLocked(async () => {
    const socket = patient.open(`${year}&tags=vip`)
    await waiting(1)
    socket.end()
    return { received: text(socket), interim: new Promise((resolve) => socket.once('data', resolve)) }
  })
  await response.interim
  const received = await response.received
  expect(received).toContain('HTTP/1.1 200 OK')
  expect(received).toContain('"totalElements":0')
})

test('a connection is not used again before the request to cancel its statement is done', async () => {
  for (let round = 0; round < 20; round++) {
    await whileLocked(async () => {
      expect((await hasty.search(`${year}&tags=vip`)).statusCode).toBe(503)
    })
    const replies = await Promise.all(Array.from({ length: 8 }, () => patient.search(`${year}&tags=vip`)))
    expect(replies.map(({ statusCode }) => statusCode)).toEqual(Array(8).fill(200))
    expect((await hasty.search(`${year}&tags=vip`)).statusCode).toBe(200)
  }
})
