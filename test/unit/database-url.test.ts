// DATABASE_URL as libpq has it: lists of hosts, the wanted kind of session, TLS.
import { expect, test } from 'vitest'
import { databaseUrlProblems, readDatabaseUrl } from '../../src/config/database-url.ts'

test.each([
  ['postgres://u:p@h1:5432,h2:5433/db', 'h1:5432 h2:5433'],
  ['postgresql://u:p@h1,h2:5433/db', 'h1 h2:5433'],
  ['postgres://u:p@h1:,h2/db', 'h1 h2'],
  ['postgres://u:p@[::1]:5433,[fe80::1%25eth0],10.0.0.1/db', '::1:5433 fe80::1%eth0 10.0.0.1'],
  ['postgres://%2Frun%2Fpg:5433,h2/db', '/run/pg:5433 h2'],
  ['postgres://h1,h2?user=u&target_session_attrs=any', 'h1 h2'],
  ['postgres:///db?host=/run/postgresql&port=5433', '/run/postgresql:5433'],
  ['postgres:///db?host=h1,::1&port=1,2', 'h1:1 ::1:2'],
  ['postgres:///db?host=h1,h2&port=1', 'h1:1 h2:1'],
  ['postgres://h1:1/db?port=2', 'h1:2'],
  ['postgres://h1,h2/db?port=2', 'h1:2 h2:2'],
  ['postgres://h1/db?host=h2', 'h2'],
  ['postgres:///db', ''],
  ['postgres://:5433/db?', ':5433'],
])('%s names its hosts in order', (url, places) => {
  expect(databaseUrlProblems(url)).toEqual([])
  const { hosts } = readDatabaseUrl(url)
  const texts = hosts.map(({ host = '', port }) => (port === undefined ? host : `${host}:${port}`))
  expect(texts.join(' ')).toBe(places)
})

test('user, password, database and parameters are percent-decoded, and a plus sign is none of their escapes', () => {
  const password = 'p,@:/?#[]%20 é+'
  const url = `postgres://us%40er+:${encodeURIComponent(password)}@h1,[::1]:2/d%2Fb+?application%5Fname=re+ports%26`
  expect(databaseUrlProblems(url)).toEqual([])
  expect(readDatabaseUrl(url)).toMatchObject({
    user: 'us@er+',
    password,
    database: 'd/b+',
    applicationName: 're+ports&',
  })
})

test('parameters replace what stands before them', () => {
  const url = 'postgres://u:p:x@h/a/../db?user=u2&password=p2&dbname=db2'
  expect(databaseUrlProblems(url)).toEqual([])
  expect(readDatabaseUrl(url)).toMatchObject({ user: 'u2', password: 'p2', database: 'db2' })
  expect(readDatabaseUrl('postgres://u:p:x@h/a/../db')).toMatchObject({
    password: 'p:x',
    database: 'a/../db',
  })
})

test('what a URL leaves out is undefined', () => {
  const { hosts, target, ...others } = readDatabaseUrl('postgres://')
  expect(hosts).toEqual([{ host: undefined, port: undefined }])
  expect(Object.values(others).filter((value) => value !== undefined)).toEqual([])
  expect(target).toBe('any')
})

test.each(['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'])(
  'target_session_attrs=%s is understood',
  (target) => {
    const url = `postgres://h1,h2/db?target_session_attrs=${target}`
    expect(databaseUrlProblems(url)).toEqual([])
    expect(readDatabaseUrl(url).target).toBe(target)
  },
)

test('without target_session_attrs any session is wanted', () => {
  expect(readDatabaseUrl('postgres://h1,h2/db').target).toBe('any')
})

test.each([
  ['', undefined],
  ['?sslmode=disable', { mode: 'disable' }],
  ['?sslmode=verify-full', { mode: 'verify-full', rootCertificate: undefined }],
  ['?sslmode=verify-full&sslrootcert=system', { mode: 'verify-full', rootCertificate: undefined }],
  ['?sslmode=require&sslrootcert=/a+b', { mode: 'require', rootCertificate: '/a+b' }],
  ['?sslmode=require&sslcert=c&sslkey=k', { mode: 'require', client: { certificate: 'c', key: 'k' } }],
])('the settings of TLS are read from %j', (query, tls) => {
  const url = `postgres://h1,h2/db${query}`
  expect(databaseUrlProblems(url)).toEqual([])
  if (tls === undefined) expect(readDatabaseUrl(url).tls).toBeUndefined()
  else expect(readDatabaseUrl(url).tls).toMatchObject(tls)
})

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
  ['postgres:///s3same?host=h1,', ' must be without empty hosts in its list'],
  ['postgres://h1,h2/s3same?host=h3', ' must have one port for all hosts, or one for each'],
  ['postgres://h1,h2/s3same?port=1,2,3', ' must have one port for all hosts, or one for each'],
  ['postgres://h/s3same?port=1,five', 'ports from 1 to 65535'],
  ['postgres://h/db?port=s3same', 'ports from 1 to 65535'],
  ['postgres://[s3same]/db', 'IPv6 addresses in brackets'],
  ['postgres://u:s3same@x@h/db', 'its password percent-encoded'],
  ['postgres://u:s3same%00@h/db', 'its password percent-encoded'],
  ['postgres://u:s3same@h/db#x', 'its password percent-encoded'],
  ['postgres://h/db?s3same', ' must have each parameter once, as name=value'],
  ['postgres://h/db?user=s3same=x', ' must have each parameter once, as name=value'],
  ['postgres://h/db?user=s3same&user=x', ' must have each parameter once, as name=value'],
  ['postgres://h1,h2/s3same?options=-c%20jit%3Don', ' must be without options'],
  [
    'postgres://h/s3same?connect_timeout=5',
    ' must be without connect_timeout: set DATABASE_CONNECT_TIMEOUT_MS',
  ],
  ['postgres://h/db?s3same=x', ' must be without parameters other than application_name, dbname, host, '],
  ['postgres://h/db?channel_binding=require', ' must be without parameters other than '],
  ['postgres://h/db?load_balance_hosts=random', ' must be without parameters other than '],
  ['postgres://h/db?sslnegotiation=direct', ' must be without parameters other than '],
  [
    'postgres://h1,h2/db?target_session_attrs=s3same',
    ': target_session_attrs must be one of any, read-write, ',
  ],
  ['postgres://h/db?sslmode=s3same', ': sslmode must be one of disable, require, verify-ca, verify-full'],
  ['postgres://h/db?sslmode=prefer', ': sslmode must be one of disable, require, verify-ca, verify-full'],
  ['postgres://h/s3same?sslmode=verify-ca', ': sslmode=verify-ca needs sslrootcert'],
  ['postgres://h/db?sslrootcert=s3same', ': sslrootcert, sslcert and sslkey need sslmode'],
  ['postgres://h/db?sslmode=require&sslcert=s3same', ': sslcert and sslkey need each other'],
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
