import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { InvalidConfig, readConfig } from '../../src/config/config.ts'
import { pssKeyPem, signingKeyPem } from '../support/keys.ts'

type Environment = Record<string, string | undefined>

const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const smallKey = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
const ellipticKey = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

/** The problems of the settings, one per line. */
function problemsOf(environment: Environment): readonly string[] {
  try {
    readConfig(environment)
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error
    for (const problem of error.problems) expect(error.message).toContain(problem)
    return error.problems
  }
  return []
}

test('settings have defaults', () => {
  expect(readConfig({})).toEqual({
    http: {
      host: '127.0.0.1',
      port: undefined,
      publicUrl: undefined,
      corsOrigins: [],
      trustedProxies: [],
      bodyLimitBytes: 1_048_576,
      bodiesLimitBytes: 134_217_728,
      headerLimitBytes: 16_384,
      requestTimeoutMs: 30_000,
      unreadTimeoutMs: 60_000,
      unreadLimitBytes: 134_217_728,
      drainMs: 500,
    },
    database: {
      url: undefined,
      poolSize: 10,
      connectTimeoutMs: 5000,
      retryTimeoutMs: 30_000,
      statementTimeoutMs: 20_000,
      searchTimeoutMs: 5000,
      lockTimeoutMs: 5000,
      longestWaitMs: 1000,
      usesPooler: false,
      commentsStatements: false,
    },
    keepsTotals: true,
    dataDirectory: '.data',
    logLevel: 'info',
    audit: { level: 'security' },
    tokens: {
      ttlSeconds: 3600,
      issuer: 'http://localhost:8080',
      audience: 'interaction-api',
      anyAudience: false,
      clockSkewSeconds: 60,
      privateKey: undefined,
      privateKeyFile: undefined,
      previousPublicKeys: [],
      jwksUrl: undefined,
      discoversKeys: false,
      authoritiesClaim: 'authorities',
      organizationClaim: 'organization',
      scopeClaim: 'scope',
      scopePrefix: '',
      requireScope: false,
      endpoint: true,
      secretCost: 14,
      queryCredentials: true,
      failuresPerClient: 10,
      failuresPerAddress: 60,
      failureWindowSeconds: 60,
    },
    bootstrapClients: [],
    demoClients: undefined,
  })
})

test('each setting is read; those of tokens are in config-tokens.test.ts', () => {
  const config = readConfig({
    HOST: '0.0.0.0',
    PORT: '0',
    PUBLIC_URL: 'https://api.example.com/base/',
    BODY_LIMIT_BYTES: '2048',
    BODIES_LIMIT_BYTES: '4096',
    HEADER_LIMIT_BYTES: '8192',
    REQUEST_TIMEOUT_MS: '9000',
    UNREAD_TIMEOUT_MS: '10000',
    UNREAD_LIMIT_BYTES: '20000000',
    DRAIN_MS: '0',
    DATABASE_URL: 'postgres://user:pass@db:5432/name?sslmode=require',
    DATABASE_POOL_SIZE: '7',
    DATABASE_CONNECT_TIMEOUT_MS: '1000',
    RETRY_TIMEOUT_MS: '9500',
    STATEMENT_TIMEOUT_MS: '8000',
    SEARCH_TIMEOUT_MS: '3000',
    LOCK_TIMEOUT_MS: '3000',
    DATABASE_WAIT_MS: '500',
    KEEP_TOTALS: 'false',
    DATA_DIR: '/var/lib/x y',
    LOG_LEVEL: 'silent',
    CORS_ORIGINS: 'https://app.example, http://localhost:5173',
    TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7,::1',
  })

  expect(config).toMatchObject({
    http: { host: '0.0.0.0', port: 0, publicUrl: 'https://api.example.com/base' },
    database: { url: 'postgres://user:pass@db:5432/name?sslmode=require', poolSize: 7 },
    keepsTotals: false,
    dataDirectory: '/var/lib/x y',
    logLevel: 'silent',
  })
  expect(config.http).toMatchObject({
    bodyLimitBytes: 2048,
    bodiesLimitBytes: 4096,
    headerLimitBytes: 8192,
    requestTimeoutMs: 9000,
    unreadTimeoutMs: 10_000,
    unreadLimitBytes: 20_000_000,
    drainMs: 0,
  })
  expect(config.database).toMatchObject({
    connectTimeoutMs: 1000,
    retryTimeoutMs: 9500,
    statementTimeoutMs: 8000,
    searchTimeoutMs: 3000,
    lockTimeoutMs: 3000,
    longestWaitMs: 500,
  })
  expect(config.http.corsOrigins).toEqual(['https://app.example', 'http://localhost:5173'])
  expect(config.http.trustedProxies).toEqual(['10.0.0.0/8', '192.0.2.7', '::1'])
})

const invalidSettings: readonly [string, string][] = [
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['PORT', '1e3'],
  ['PORT', '0x50'],
  ['PORT', 'http'],
  ['PUBLIC_URL', 'ftp://api.example.com'],
  ['PUBLIC_URL', 'api.example.com'],
  ['PUBLIC_URL', 'https://api.example.com/?a=b'],
  ['BODY_LIMIT_BYTES', '1023'],
  ['BODY_LIMIT_BYTES', '1 MiB'],
  ['BODIES_LIMIT_BYTES', '1023'],
  ['HEADER_LIMIT_BYTES', '16 KiB'],
  ['REQUEST_TIMEOUT_MS', '99'],
  ['UNREAD_TIMEOUT_MS', '1 min'],
  ['UNREAD_LIMIT_BYTES', '-1'],
  ['DRAIN_MS', '60001'],
  ['DATABASE_URL', 'mysql://user:s3same@db/name'],
  ['DATABASE_URL', 's3same'],
  ['DATABASE_URL', 'postgres://user:s3same@db/name?options=-c%20timezone%3DUTC'],
  ['DATABASE_POOL_SIZE', '0000'],
  ['DATABASE_POOL_SIZE', '1001'],
  ['DATABASE_CONNECT_TIMEOUT_MS', '5s'],
  ['RETRY_TIMEOUT_MS', '-1'],
  ['STATEMENT_TIMEOUT_MS', '3600001'],
  ['SEARCH_TIMEOUT_MS', '99'],
  ['LOCK_TIMEOUT_MS', '-5'],
  ['DATABASE_WAIT_MS', '9'],
  ['KEEP_TOTALS', 'perhaps'],
  ['LOG_LEVEL', 'loud'],
  ['LOG_LEVEL', 'INFO'],
  ['TOKEN_TTL_SECONDS', '0000'],
  ['TOKEN_TTL_SECONDS', '31536001'],
  ['JWT_PRIVATE_KEY', 's3same'],
  ['JWT_PRIVATE_KEY', smallKey],
  ['JWT_PRIVATE_KEY', ellipticKey],
  ['JWT_PRIVATE_KEY', pssKeyPem],
  ['JWT_ISSUER_DISCOVERY', 'yes'],
  ['SECRET_HASH_COST', '3'],
  ['SECRET_HASH_COST', '18'],
  ['TOKEN_QUERY_CREDENTIALS', 'yes'],
  ['CORS_ORIGINS', 'pages.test'],
  ['CORS_ORIGINS', 'https://pages.test/'],
  ['CORS_ORIGINS', 'https://Pages.test'],
  ['CORS_ORIGINS', 'https://pages.test,'],
  ['CORS_ORIGINS', 'null'],
  ['TRUSTED_PROXIES', 'proxy.example'],
  ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TOKEN_FAILURES_PER_CLIENT', '-2'],
  ['TOKEN_FAILURES_PER_ADDRESS', '-1'],
  ['TOKEN_FAILURE_WINDOW_SECONDS', '86401'],
  ['BOOTSTRAP_CLIENTS', 's3same'],
]

describe('an invalid setting', () => {
  test.each(invalidSettings)('%s is reported without its value %j', (name, value) => {
    const problems = problemsOf({ [name]: value })

    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^${name} must be .`))
    expect(problems[0]).not.toContain(value)
    expect(problems[0]).not.toContain('s3same')
  })

  test('is reported together with all others', () => {
    const names = [...new Set(invalidSettings.map(([name]) => name))]

    const problems = problemsOf(Object.fromEntries(invalidSettings))

    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(expect.arrayContaining(names))
    expect(problems).toHaveLength(names.length)
  })

  test.each([
    [{ LOCK_TIMEOUT_MS: '20001' }, ['LOCK_TIMEOUT_MS', 'STATEMENT_TIMEOUT_MS']],
    [{ BODY_LIMIT_BYTES: '2000', BODIES_LIMIT_BYTES: '3999' }, ['BODY_LIMIT_BYTES', 'BODIES_LIMIT_BYTES']],
    [{ REQUEST_TIMEOUT_MS: '60001' }, ['REQUEST_TIMEOUT_MS', 'UNREAD_TIMEOUT_MS']],
    [{ RETRY_TIMEOUT_MS: '60000' }, ['RETRY_TIMEOUT_MS', 'UNREAD_TIMEOUT_MS']],
    [{ STATEMENT_TIMEOUT_MS: '30001' }, ['STATEMENT_TIMEOUT_MS', 'REQUEST_TIMEOUT_MS']],
    [
      { JWT_PRIVATE_KEY: signingKeyPem, JWT_PRIVATE_KEY_FILE: 'key.pem' },
      ['JWT_PRIVATE_KEY', 'JWT_PRIVATE_KEY_FILE'],
    ],
  ])('is also reported when it contradicts another one', (environment, names) => {
    const problems = problemsOf(environment)

    expect(problems).toHaveLength(1)
    for (const name of names) expect(problems[0]).toContain(name)
  })
})

test('an empty setting counts as not set', () => {
  const names = new Set([
    ...invalidSettings.map(([name]) => name),
    'HOST',
    'DATA_DIR',
    'JWT_ISSUER',
    'JWT_PRIVATE_KEY_FILE',
  ])
  for (const empty of ['', ' ', '\t'])
    expect(readConfig(Object.fromEntries([...names].map((name) => [name, empty])))).toEqual(readConfig({}))
})

test('the settings are frozen', () => {
  const client = { clientId: 'a', clientSecret: 'b', role: 'SERVICE', scopes: ['interactions'] }
  const config = readConfig({ BOOTSTRAP_CLIENTS: JSON.stringify([client]) })
  const all: unknown[] = [config]
  for (const value of all) {
    if (typeof value !== 'object' || value === null) continue
    expect(Object.isFrozen(value)).toBe(true)
    all.push(...Object.values(value))
  }
  expect(all.length).toBeGreaterThan(25)
})
