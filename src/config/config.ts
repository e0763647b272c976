// The settings of the service, read from environment variables. Pure: touches no file and no global.
import { hasExampleSecret } from './bootstrap-clients.ts'
import { isSecureUrl } from './secure-url.ts'
import { findUnknown } from './setting-names.ts'
import { settingsReader } from './settings-reader.ts'

const defaultAudience = 'interaction-api'
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** The settings, checked and frozen. `.env.example` describes each. */
export type Config = ReturnType<typeof readConfig>

/** Names every wrong setting and what is accepted, never a value. */
export class InvalidConfig extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`wrong settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/** Settings by their names. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the settings. An empty variable counts as not set; one that is no setting is ignored.
 * @throws InvalidConfig that names every wrong setting
 */
export function readConfig(environment: Environment) {
  const { config, problems } = readSettings(environment)
  if (problems.length > 0) throw new InvalidConfig(problems)
  return deepFreeze(config)
}

/**
 * Reads settings that are given by a program, where every name is meant as a setting.
 * @throws InvalidConfig that names every wrong setting, and every name that is no setting
 */
export function readGivenConfig(settings: Environment): Config {
  const { config, problems, names } = readSettings(settings)
  const unknown = findUnknown(Object.keys(settings), names).map(({ sentence }) => sentence)
  const all = [...unknown, ...problems]
  if (all.length > 0) throw new InvalidConfig(all)
  return deepFreeze(config)
}

/** Returns a sentence for each variable that is probably a misspelt setting. */
export function misspeltSettings(environment: Environment): string[] {
  return findUnknown(Object.keys(environment), readSettings({}).names)
    .filter(({ meant }) => meant !== undefined)
    .map(({ sentence }) => sentence)
}

/** Returns the variables that are settings. */
export function settingsOf(environment: Environment): Environment {
  const { names } = readSettings({})
  return Object.fromEntries(Object.entries(environment).filter(([name]) => names.has(name)))
}

function readSettings(environment: Environment) {
  const problems: string[] = []
  const read = settingsReader(environment, problems)
  const publicUrl = read
    .matching('PUBLIC_URL', /^https?:\/\/[^/?#\s]+[^?#\s]*$/, 'an http(s) URL')
    ?.replace(/\/+$/, '')
  const audience = read.text('JWT_AUDIENCE') ?? defaultAudience
  const config = {
    http: {
      host: read.text('HOST') ?? '127.0.0.1',
      port: read.integer('PORT', 0, 65_535),
      publicUrl,
      corsOrigins: read.origins('CORS_ORIGINS') ?? [],
      trustedProxies: read.networks('TRUSTED_PROXIES') ?? [],
      bodyLimitBytes: read.integer('BODY_LIMIT_BYTES', 1024, 268_435_456) ?? 1_048_576,
      bodiesLimitBytes: read.integer('BODIES_LIMIT_BYTES', 1024, 68_719_476_736) ?? 134_217_728,
      headerLimitBytes: read.integer('HEADER_LIMIT_BYTES', 4096, 1_048_576) ?? 16_384,
      requestTimeoutMs: read.integer('REQUEST_TIMEOUT_MS', 100, 3_600_000) ?? 30_000,
      unreadTimeoutMs: read.integer('UNREAD_TIMEOUT_MS', 1000, 3_600_000) ?? 60_000,
      unreadLimitBytes: read.integer('UNREAD_LIMIT_BYTES', 16_777_216, 68_719_476_736) ?? 134_217_728,
      rateLimitPerClient: read.integer('RATE_LIMIT_PER_CLIENT', 1, 1_000_000),
      drainMs: read.integer('DRAIN_MS', 0, 60_000) ?? 500,
    },
    database: {
      url: read.databaseUrl('DATABASE_URL'),
      poolSize: read.integer('DATABASE_POOL_SIZE', 1, 1000) ?? 10,
      connectTimeoutMs: read.integer('DATABASE_CONNECT_TIMEOUT_MS', 100, 3_600_000) ?? 5_000,
      retryTimeoutMs: read.integer('RETRY_TIMEOUT_MS', 0, 3_600_000) ?? 30_000,
      statementTimeoutMs: read.integer('STATEMENT_TIMEOUT_MS', 100, 3_600_000) ?? 20_000,
      searchTimeoutMs: read.integer('SEARCH_TIMEOUT_MS', 100, 3_600_000) ?? 5_000,
      lockTimeoutMs: read.integer('LOCK_TIMEOUT_MS', 100, 3_600_000) ?? 5_000,
      longestWaitMs: read.integer('DATABASE_WAIT_MS', 10, 3_600_000) ?? 1_000,
      usesPooler: read.flag('DATABASE_POOLER') ?? false,
      commentsStatements: read.flag('SQL_COMMENTER') ?? false,
    },
    keepsTotals: read.flag('KEEP_TOTALS') ?? true,
    dataDirectory: read.text('DATA_DIR') ?? '.data',
    logLevel: read.oneOf('LOG_LEVEL', logLevels) ?? 'info',
    logFormat: read.oneOf('LOG_FORMAT', ['json', 'pretty']),
    audit: {
      level: read.oneOf('AUDIT_LOG', ['off', 'security', 'writes', 'all']) ?? 'security',
      file: read.text('AUDIT_LOG_FILE'),
    },
    tokens: {
      ttlSeconds: read.integer('TOKEN_TTL_SECONDS', 1, 31_536_000) ?? 3600,
      issuer: read.text('JWT_ISSUER') ?? publicUrl ?? 'http://localhost:8080',
      audience: audience === '*' ? defaultAudience : audience,
      anyAudience: audience === '*',
      clockSkewSeconds: read.integer('JWT_CLOCK_SKEW_SECONDS', 0, 600) ?? 60,
      privateKey: read.privateKey('JWT_PRIVATE_KEY'),
      privateKeyFile: read.text('JWT_PRIVATE_KEY_FILE'),
      previousPublicKeys: read.publicKeys('JWT_PREVIOUS_PUBLIC_KEYS') ?? [],
      jwksUrl: read.url('JWKS_URL', /^https?:\/\/\S+$/, 'an http(s) URL'),
      discoversKeys: read.flag('JWT_ISSUER_DISCOVERY') ?? false,
      authoritiesClaim: read.text('JWT_AUTHORITIES_CLAIM') ?? 'authorities',
      organizationClaim: read.text('JWT_ORGANIZATION_CLAIM') ?? 'organization',
      scopeClaim: read.text('JWT_SCOPE_CLAIM') ?? 'scope',
      scopePrefix: read.text('JWT_SCOPE_PREFIX') ?? '',
      requireScope: read.flag('REQUIRE_SCOPE') ?? false,
      endpoint: read.flag('TOKEN_ENDPOINT') ?? true,
      secretCost: read.integer('SECRET_HASH_COST', 4, 17) ?? 14,
      queryCredentials: read.flag('TOKEN_QUERY_CREDENTIALS') ?? true,
      failuresPerClient: read.integer('TOKEN_FAILURES_PER_CLIENT', 1, 1_000_000_000) ?? 10,
      failuresPerAddress: read.integer('TOKEN_FAILURES_PER_ADDRESS', 1, 1_000_000_000) ?? 60,
      failureWindowSeconds: read.integer('TOKEN_FAILURE_WINDOW_SECONDS', 1, 86_400) ?? 60,
    },
    bootstrapClients: read.clients('BOOTSTRAP_CLIENTS') ?? [],
    demoClients: read.flag('DEMO_CLIENTS'),
  }
  if (read.text('NODE_ENV') === 'production' && config.bootstrapClients.some(hasExampleSecret))
    problems.push('BOOTSTRAP_CLIENTS must have secrets of your own, not those of an example, in production')
  if (config.tokens.privateKey && config.tokens.privateKeyFile)
    problems.push('JWT_PRIVATE_KEY and JWT_PRIVATE_KEY_FILE: set only one of them')
  if (config.tokens.discoversKeys && config.tokens.jwksUrl)
    problems.push('JWKS_URL and JWT_ISSUER_DISCOVERY: set only one of them')
  if (config.tokens.discoversKeys && !isSecureUrl(read.text('JWT_ISSUER') ?? ''))
    problems.push(
      'JWT_ISSUER must be an https URL, or an http URL of this machine, when JWT_ISSUER_DISCOVERY is true',
    )
  if (config.http.bodyLimitBytes > config.http.bodiesLimitBytes / 2)
    problems.push('BODY_LIMIT_BYTES must not exceed half of BODIES_LIMIT_BYTES')
  if (config.database.lockTimeoutMs > config.database.statementTimeoutMs)
    problems.push('LOCK_TIMEOUT_MS must not exceed STATEMENT_TIMEOUT_MS')
  if (config.database.statementTimeoutMs > config.http.requestTimeoutMs)
    problems.push('STATEMENT_TIMEOUT_MS must not exceed REQUEST_TIMEOUT_MS')
  if (config.http.requestTimeoutMs > config.http.unreadTimeoutMs)
    problems.push('REQUEST_TIMEOUT_MS must not exceed UNREAD_TIMEOUT_MS')
  if (config.database.retryTimeoutMs >= config.http.unreadTimeoutMs)
    problems.push('RETRY_TIMEOUT_MS must be less than UNREAD_TIMEOUT_MS')
  return { config, problems, names: read.names }
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const member of Object.values(value))
    if (typeof member === 'object' && member !== null) deepFreeze(member)
  return Object.freeze(value)
}
