// TLS to PostgreSQL with real certificates: sslmode, sslrootcert, sslcert and sslkey as libpq has them. Where psql is
// installed, it connects to the same URLs.
import { spawnSync } from 'node:child_process'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { isCancelled } from '../../src/database/sqlstate.ts'
import { startRewritingProxy } from '../database/support/rewriting-proxy.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { temporaryFolder } from './support/caller.ts'
import { openCertificates, startForFile, startWithTls } from './support/tls.ts'

const { createAuthority, createIdentity } = await openCertificates()
const authority = createAuthority('authority')
const other = createAuthority('other')
const byName = await startWithTls(createIdentity('by name', authority, 'DNS:localhost'), authority)
const byAddress = await startWithTls(createIdentity('by address', authority, 'IP:127.0.0.1'), authority)
const withoutTls = await startForFile()

const trusted = `sslrootcert=${authority.certificate}`
const untrusted = `sslrootcert=${other.certificate}`

const noTls = /^Error: TLS with (localhost|127.0.0.1):\d+ failed: the server offers none$/
const notSigned =
  /^Error: TLS with (localhost|127.0.0.1):\d+ failed: no trusted authority has signed its certificate$/
const otherName =
  /^Error: TLS with (localhost|127.0.0.1):\d+ failed: its certificate is for other host names$/

interface Place {
  readonly url: string
}

/** Returns the URL of a server with another host, with parameters, and for another role. */
function urlOf({ url }: Place, host: string, parameters: string, role?: string): string {
  const { port, pathname, username, password } = new URL(url)
  const login = role === undefined ? `${username}:${password}` : `${role}:secret`
  return `postgres://${login}@${host.replaceAll('PORT', port)}:${port}${pathname}?${parameters}`
}

const query = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'

/** Returns `TLS` or `plain`, or the error. */
async function connectTo(url: string): Promise<string> {
  try {
    const database = openDatabase({ ...testDatabaseSettings, url }, () => {})
    onTestFinished(() => database.close())
    const { rows } = await sql.raw<{ ssl: boolean }>(query).execute(database.kysely)
    return rows[0]?.ssl ? 'TLS' : 'plain'
  } catch (error) {
    return String(error)
  }
}

/** Returns `TLS`, `plain` or `refused`. */
async function connectByLibpq(url: string): Promise<string> {
  const options = { encoding: 'utf8', env: { ...process.env, HOME: await temporaryFolder() } } as const
  const { stdout } = spawnSync('psql', ['-XqAt', url, '-c', query], options)
  return (
    new Map([
      ['t\n', 'TLS'],
      ['f\n', 'plain'],
    ]).get(stdout) ?? 'refused'
  )
}

const hasLibpq = spawnSync('psql', ['--version']).status === 0

/** Expects an outcome, and of libpq whether it connects in the same way. */
async function expectOutcome(url: string, expected: string | RegExp): Promise<void> {
  const outcome = await connectTo(url)
  if (typeof expected === 'string') expect(outcome).toBe(expected)
  else expect(outcome).toMatch(expected)
  if (hasLibpq) expect(await connectByLibpq(url)).toBe(typeof expected === 'string' ? expected : 'refused')
}

// parameters; outcome with the host of the certificate, with another one, and with a server without TLS
test.each<[string, string | RegExp, string | RegExp, string | RegExp]>([
  ['sslmode=disable', 'plain', 'plain', 'plain'],
  ['sslmode=disable&sslrootcert=/missing', 'plain', 'plain', 'plain'],
  ['sslmode=require', 'TLS', 'TLS', noTls],
  [`sslmode=require&${trusted}`, 'TLS', 'TLS', noTls],
  [`sslmode=require&${untrusted}`, notSigned, notSigned, noTls],
  [`sslmode=verify-ca&${trusted}`, 'TLS', 'TLS', noTls],
  [`sslmode=verify-ca&${untrusted}`, notSigned, notSigned, noTls],
  [`sslmode=verify-full&${trusted}`, 'TLS', otherName, noTls],
  [`sslmode=verify-full&${untrusted}`, notSigned, notSigned, noTls],
  ['sslmode=verify-full', notSigned, notSigned, noTls],
])('%s', async (parameters, ofHost, ofOther, ofNone) => {
  await expectOutcome(urlOf(byName, 'localhost', parameters), ofHost)
  await expectOutcome(urlOf(byName, '127.0.0.1', parameters), ofOther)
  await expectOutcome(urlOf(byAddress, '127.0.0.1', parameters), ofHost)
  await expectOutcome(urlOf(byAddress, 'localhost', parameters), ofOther)
  await expectOutcome(urlOf(withoutTls, '127.0.0.1', parameters), ofNone)
})

test('a role that needs TLS is refused without it, and let in with it', async () => {
  await expectOutcome(urlOf(byName, 'localhost', 'sslmode=disable', 'tls_only'), /no encryption$/)
  await expectOutcome(urlOf(byName, 'localhost', 'sslmode=require', 'tls_only'), 'TLS')
})

test('without sslmode there is no TLS, where libpq would try it', async () => {
  const url = urlOf(byName, 'localhost', '')
  expect(await connectTo(url)).toBe('plain')
  if (hasLibpq) expect(await connectByLibpq(url)).toBe('TLS')
})

test('a host without TLS, or with the certificate of another, ends the search in a list', async () => {
  const [first, second] = [new URL(withoutTls.url).port, new URL(byAddress.url).port]
  const parameters = `sslmode=verify-full&${trusted}`
  await expectOutcome(urlOf(byName, `localhost:${first},localhost`, parameters), noTls)
  await expectOutcome(urlOf(byName, `localhost:${second},localhost`, parameters), otherName)
})

test('the certificate of each host in a list is compared with the name of that host', async () => {
  const { port } = new URL(byAddress.url)
  const closed = '127.0.0.1:1'
  const parameters = `sslmode=verify-full&${trusted}`
  await expectOutcome(urlOf(byName, `${closed},localhost`, parameters), 'TLS')
  await expectOutcome(urlOf(byName, `${closed},127.0.0.1:${port},localhost`, parameters), 'TLS')
  await expectOutcome(urlOf(byName, `${closed},127.0.0.1`, parameters), otherName)
})

test('sslcert and sslkey identify the service', async () => {
  const own = createIdentity('identified', authority, 'DNS:own')
  const another = createIdentity('another', authority, 'DNS:another')
  const forged = createIdentity('identified', other, 'DNS:forged')
  const urlWith = (certificate: string, key: string) =>
    urlOf(byName, 'localhost', `sslmode=require&sslcert=${certificate}&sslkey=${key}`, 'identified')

  await expectOutcome(urlWith(own.certificate, own.key), 'TLS')
  await expectOutcome(urlWith(another.certificate, another.key), /password authentication failed/)
  await expectOutcome(
    urlWith(forged.certificate, forged.key),
    /it does not accept the certificate of this service$/,
  )
  await expectOutcome(urlWith(own.certificate, another.key), /the key of sslkey is not that of sslcert$/)
  await expectOutcome(
    urlOf(byName, 'localhost', 'sslmode=require', 'identified'),
    /connection requires a valid client certificate$/,
  )
})

// libpq goes on without some of these files
test.each([
  ['sslmode=require&sslrootcert=/missing', 'sslrootcert cannot be read'],
  [`sslmode=verify-full&sslrootcert=${authority.key}`, 'sslrootcert must be a PEM, without a passphrase'],
  [`sslmode=require&sslcert=/missing&sslkey=${authority.key}`, 'sslcert cannot be read'],
  [
    `sslmode=require&sslcert=${authority.certificate}&sslkey=${authority.certificate}`,
    'sslkey must be a PEM, without a passphrase',
  ],
])('%s is refused before anything is connected', (parameters, problem) => {
  const url = urlOf(byName, 'localhost', parameters)
  expect(() => openDatabase({ ...testDatabaseSettings, url }, () => {})).toThrow(
    new Error(`DATABASE_URL: the file of ${problem}`),
  )
})

test('a statement is cancelled over TLS as well', async () => {
  /** the codes with which connections begin */
  const codes: number[] = []
  const proxied = await startRewritingProxy(byName.url, {
    first: (message) => {
      codes.push(message.readInt32BE(4))
      return message
    },
  })
  const { port } = new URL(proxied)
  const url = urlOf(byName, 'localhost', `sslmode=verify-full&${trusted}`).replace(/:\d+\//, `:${port}/`)
  const database = openDatabase({ ...testDatabaseSettings, statementTimeoutMs: 0, url }, () => {})
  onTestFinished(() => database.close())
  const sleep = database.prepare('', () => sql`select pg_sleep(60)`.compile(database.kysely))

  const hungUp = new AbortController()
  for (const limits of [
    { timeoutMs: 50 },
    { signal: hungUp.signal, onSend: () => setImmediate(() => hungUp.abort()) },
  ]) {
    const error = await sleep({}, limits).catch((failure: unknown) => failure)
    expect(isCancelled(error)).toBe(true)
  }
  const sslRequest = 80_877_103
  expect([...new Set(codes)]).toEqual([sslRequest])
})
