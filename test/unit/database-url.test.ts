// DATABASE_URL as libpq has it: lists of hosts, the wanted kind of session, TLS.
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { databaseUrlProblems, readHosts } from '../../src/config/database-url.ts'

test.each([
  [
    'postgres://u:p@h1:5432,h2:5433/db',
    [
      ['h1', 5432],
      ['h2', 5433],
    ],
  ],
  [
    'postgresql://u:p@h1,h2:5433/db',
    [
      ['h1', 5432],
      ['h2', 5433],
    ],
  ],
  [
    'postgres://u:p@[::1]:5433,[2001:db8::1],10.0.0.1/db',
    [
      ['::1', 5433],
      ['2001:db8::1', 5432],
      ['10.0.0.1', 5432],
    ],
  ],
  [
    'postgres://h1,h2?user=u&target_session_attrs=any',
    [
      ['h1', 5432],
      ['h2', 5432],
    ],
  ],
  ['postgres:///db?host=/run/postgresql&port=5433', [['/run/postgresql', 5433]]],
] as const)('%s names its hosts in order', (url, places) => {
  expect(databaseUrlProblems(url)).toEqual([])
  const clients = readHosts(url).urls.map((one) => new Client(one))
  expect(clients.map(({ host, port }) => [host, port])).toEqual(places)
})

test('all hosts of a list have the same user, percent-encoded password, database and parameters', () => {
  const password = 'p,@:/?#[]%20 é'
  const url = `postgres://us%40er:${encodeURIComponent(password)}@h1,[::1]:2/d%20b?application_name=reports`
  expect(databaseUrlProblems(url)).toEqual([])
  for (const one of readHosts(url).urls)
    expect(new Client(one)).toMatchObject({
      user: 'us@er',
      password,
      database: 'd b',
      connectionParameters: { application_name: 'reports' },
    })
})

test.each(['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'])(
  'target_session_attrs=%s is understood',
  (target) => {
    const url = `postgres://h1,h2/db?target_session_attrs=${target}`
    expect(databaseUrlProblems(url)).toEqual([])
    expect(readHosts(url).target).toBe(target)
  },
)

test('without target_session_attrs any session is wanted', () => {
  expect(readHosts('postgres://h1,h2/db').target).toBe('any')
})

test.each([
  ['disable', false],
  ['require', { rejectUnauthorized: false }],
  ['verify-full', {}],
  ['verify-full&sslrootcert=system', {}],
])('sslmode=%s has the meaning of libpq', (mode, ssl) => {
  const url = `postgres://u:p@h1,h2/db?sslmode=${mode}`
  expect(databaseUrlProblems(url)).toEqual([])
  for (const one of readHosts(url).urls) expect(new Client(one).ssl).toEqual(ssl)
})

test.each(['require', 'verify-ca'])(
  'sslmode=%s with sslrootcert verifies the certificate and not its name',
  (mode) => {
    const url = `postgres://h/db?sslmode=${mode}&sslrootcert=${encodeURIComponent(import.meta.filename)}`
    expect(databaseUrlProblems(url)).toEqual([])
    expect(new Client(readHosts(url).urls[0]).ssl).toMatchObject({
      ca: expect.stringContaining('the certificate and not its name'),
      checkServerIdentity: expect.any(Function),
    })
  },
)

test.each([
  ['mysql://u:s3same@h/db', ' must be a postgres:// URL'],
  ['s3same', ' must be a postgres:// URL'],
  ['postgres://u:s3same%zz@h/db', 'its password percent-encoded'],
  ['postgres://u:s3same%e9@h/db', 'its password percent-encoded'],
  ['postgres://u:s3same/x@h/db', 'its password percent-encoded'],
  ['postgres://u:s3same x@h/db', 'its password percent-encoded'],
  ['postgres://u:s3same@h1:5432,h2:65536/db', 'ports from 1 to 65535'],
  ['postgres://u:s3same@h1:0,h2/db', 'ports from 1 to 65535'],
  ['postgres://u:s3same@h1,h2:five/db', 'ports from 1 to 65535'],
  ['postgres://u:s3same@h1,::1/db', 'IPv6 addresses in brackets'],
  ['postgres://u:s3same@h1,[::1/db', 'IPv6 addresses in brackets'],
  ['postgres://u:s3same@h1,h2,/db', ' must be without empty hosts in its list'],
  ['postgres://u:s3same@h1,:5433/db', ' must be without empty hosts in its list'],
  ['postgres://,/s3same', ' must be without empty hosts in its list'],
  ['postgres:///s3same?host=h1,h2', ' must be without hosts in its parameters'],
  ['postgres://h1,h2/s3same?host=h3', ' must be without hosts in its parameters'],
  ['postgres://h1,h2/s3same?port=1', ' must be without hosts in its parameters'],
  ['postgres://h1,h2/s3same?options=-c%20jit%3Don', ' must be without options'],
  [
    'postgres://h1,h2/db?target_session_attrs=s3same',
    ': target_session_attrs must be one of any, read-write, ',
  ],
  ['postgres://h/db?sslmode=s3same', ': sslmode must be one of disable, require, verify-ca, verify-full'],
  ['postgres://h/db?sslmode=prefer', ': sslmode must be one of disable, require, verify-ca, verify-full'],
  ['postgres://h/s3same?sslmode=verify-ca', ': sslmode=verify-ca needs sslrootcert'],
  [
    'postgres://h/s3same?sslmode=require&sslrootcert=system',
    ': sslrootcert=system needs sslmode=verify-full',
  ],
])('%s is refused without its value', (url, problem) => {
  const problems = databaseUrlProblems(url)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(problem)
  expect(problems[0]).not.toContain('s3same')
})

test('all problems of a URL are reported at once', () => {
  const url = 'postgres://h1,h2/db?options=x&sslmode=allow&target_session_attrs=master'
  expect(databaseUrlProblems(url)).toHaveLength(3)
})
