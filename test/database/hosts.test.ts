// DATABASE_URL with several hosts: they are tried in turn, and checked when a connection is made. Standbys are in
// test/process/followers.test.ts.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { databaseFailure, isCancelled } from '../../src/database/sqlstate.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

const { url, database: administrator } = await cloneDatabase()
const { hostname, port, pathname } = new URL(url)
const real = `${hostname}:${port}`

/** Returns the URL with other hosts and parameters. */
const withHosts = (hosts: readonly string[], parameters = '') =>
  url.replace(real, hosts.join(',')) + parameters

function open(url: string, settings: { connectTimeoutMs?: number; statementTimeoutMs?: number } = {}) {
  const database = openDatabase({ ...testDatabaseSettings, ...settings, url }, () => {})
  onTestFinished(() => database.close())
  return database
}

/** Returns `localhost:port` of a server that accepts connections and says nothing, and counts them. */
async function silentHost() {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { place: `127.0.0.1:${(server.address() as AddressInfo).port}`, count: () => connections }
}

/** Returns the port of a server that has ended. */
async function closedHost(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

test.each([
  '',
  '?target_session_attrs=read-write',
  '?target_session_attrs=primary',
  '?target_session_attrs=prefer-standby',
])('hosts that cannot be reached are passed over by all connections, with %j', async (parameters) => {
  const database = open(withHosts([await closedHost(), '[::1]:1', real], parameters))
  const select = database.prepare(
    'select',
    () => sql<{ one: number }>`select 1 as one`.compile(database.kysely),
    {
      shares: 'reads',
    },
  )

  await database.ping()
  expect(await select({})).toEqual([{ one: 1 }])
  expect((await sql`select 1 as one`.execute(database.kysely)).rows).toEqual([{ one: 1 }])
})

test('a host that does not answer takes its part of the connect timeout, once', async () => {
  const silent = await silentHost()
  const database = open(withHosts([silent.place, real], '?target_session_attrs=read-write'), {
    connectTimeoutMs: 3000,
  })

  await sql`select`.execute(database.kysely)
  const together = Array.from({ length: 5 }, () => sql`select pg_sleep(0.1)`.execute(database.kysely))
  await Promise.all(together)
  expect(silent.count()).toBe(1)
})

test('a statement is cancelled on the host that runs it', async () => {
  const database = open(withHosts([await closedHost(), real]), { statementTimeoutMs: 0 })
  const sleep = database.prepare('', () => sql`select pg_sleep(60)`.compile(database.kysely))

  const error = await sleep({}, { timeoutMs: 50 }).catch((failure: unknown) => failure)
  expect(isCancelled(error)).toBe(true)
})

test('when no host can be used, the error says why for each, and counts as unavailable', async () => {
  const closed = await closedHost()
  const database = open(withHosts([closed, real], '?target_session_attrs=standby'))
  const error: unknown = await database.ping().catch((failure: unknown) => failure)

  expect(databaseFailure(error)).toBe('unavailable')
  expect(String(error)).toMatch(
    `no host for target_session_attrs=standby: ${closed}: connect ECONNREFUSED ${closed}, ${real} is a primary`,
  )
})

test('a read-only host is used for read-only and any, and not for read-write', async () => {
  const { kysely } = administrator
  await sql`alter database ${sql.ref(pathname.slice(1))} set default_transaction_read_only = on`.execute(
    kysely,
  )
  onTestFinished(async () => {
    await sql`alter database ${sql.ref(pathname.slice(1))} reset default_transaction_read_only`.execute(
      kysely,
    )
  })

  for (const target of ['read-only', 'any', 'primary', 'prefer-standby'])
    await open(withHosts([real], `?target_session_attrs=${target}`)).ping()
  await expect(open(withHosts([real], '?target_session_attrs=read-write')).ping()).rejects.toThrow(
    `no host for target_session_attrs=read-write: ${real} is read-only`,
  )
})

test('a host that refuses the login ends the search: its error is not hidden by those of others', async () => {
  const database = open(withHosts([real, await closedHost()], '').replace(/\/\/.*@/, '//nobody_here:wrong@'))

  await expect(database.ping()).rejects.toThrow(/^(password authentication failed|role .* does not exist)/)
})

test('a percent-encoded password and an application name reach every host of a list', async () => {
  const password = 'p,@:/?#[]%20 é'
  const { kysely } = administrator
  await sql`create role hosts_reader login password ${sql.lit(password)}`.execute(kysely)
  onTestFinished(async () => {
    await sql`drop role hosts_reader`.execute(kysely)
  })
  const list = withHosts([await closedHost(), real], '?application_name=reports')
  const database = open(list.replace(/\/\/.*@/, `//hosts_reader:${encodeURIComponent(password)}@`))

  const { rows } =
    await sql`select current_user as user, current_setting('application_name') as name`.execute(
      database.kysely,
    )
  expect(rows).toEqual([{ user: 'hosts_reader', name: 'reports' }])
})
