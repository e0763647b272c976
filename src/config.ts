// The settings of the service, read from an environment once, by a door. Pure: touches no file and no global.
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { isSigningKey, splitPublicKeys } from './rsa-key.ts'

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const BootstrapClient = Type.Object(
  {
    clientId: Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' }),
    clientSecret: Type.String({ minLength: 1, maxLength: 1024, pattern: '^[\\x20-\\x7e]+$' }),
    role: Type.Union([Type.Literal('AGENT'), Type.Literal('SUPERVISOR'), Type.Literal('SERVICE')]),
    organizationId: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    scopes: Type.Optional(Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$' }))),
  },
  { additionalProperties: false },
)

/** A client that is created or updated at each start. */
export type BootstrapClient = Static<typeof BootstrapClient>

/** The settings, checked and frozen; `.env.example` tells what each is for. */
export type Config = ReturnType<typeof readConfig>

/** Thrown with every wrong setting at once: names and what would be accepted, never a value. */
export class InvalidConfig extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`wrong settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/**
 * Reads the settings. An empty variable counts as not set.
 * @throws InvalidConfig naming every wrong one
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>) {
  const problems: string[] = []
  const read = settingsReader(environment, problems)
  const publicUrl = read
    .matching('PUBLIC_URL', /^https?:\/\/[^/?#\s]+[^?#\s]*$/, 'an http(s) URL')
    ?.replace(/\/+$/, '')
  const config = {
    http: {
      host: read.text('HOST') ?? '127.0.0.1',
      port: read.integer('PORT', 0, 65_535),
      publicUrl,
      bodyLimitBytes: read.integer('BODY_LIMIT_BYTES', 1024, 268_435_456) ?? 1_048_576,
      requestTimeoutMs: read.integer('REQUEST_TIMEOUT_MS', 100, 3_600_000) ?? 30_000,
    },
    database: {
      url: read.url(
        'DATABASE_URL',
        /^postgres(ql)?:\/\/\S+$/,
        'a postgres:// URL, its password percent-encoded',
      ),
      poolSize: read.integer('DATABASE_POOL_SIZE', 1, 1000) ?? 10,
      connectTimeoutMs: read.integer('DATABASE_CONNECT_TIMEOUT_MS', 100, 3_600_000) ?? 5_000,
      statementTimeoutMs: read.integer('STATEMENT_TIMEOUT_MS', 100, 3_600_000) ?? 20_000,
      lockTimeoutMs: read.integer('LOCK_TIMEOUT_MS', 100, 3_600_000) ?? 5_000,
    },
    keepsTotals: read.flag('KEEP_TOTALS') ?? true,
    dataDirectory: read.text('DATA_DIR') ?? '.data',
    logLevel: read.oneOf('LOG_LEVEL', logLevels) ?? 'info',
    tokens: {
      ttlSeconds: read.integer('TOKEN_TTL_SECONDS', 1, 31_536_000) ?? 3600,
      issuer: read.text('JWT_ISSUER') ?? publicUrl ?? 'http://localhost:8080',
      audience: read.text('JWT_AUDIENCE') ?? 'interaction-api',
      privateKey: read.privateKey('JWT_PRIVATE_KEY'),
      privateKeyFile: read.text('JWT_PRIVATE_KEY_FILE'),
      previousPublicKeys: read.publicKeys('JWT_PREVIOUS_PUBLIC_KEYS') ?? [],
      jwksUrl: read.url('JWKS_URL', /^https?:\/\/\S+$/, 'an http(s) URL'),
      authoritiesClaim: read.text('JWT_AUTHORITIES_CLAIM') ?? 'authorities',
      organizationClaim: read.text('JWT_ORGANIZATION_CLAIM') ?? 'organization',
      endpoint: read.flag('TOKEN_ENDPOINT') ?? true,
      queryCredentials: read.flag('TOKEN_QUERY_CREDENTIALS') ?? true,
    },
    bootstrapClients: read.clients('BOOTSTRAP_CLIENTS') ?? [],
  }
  if (config.tokens.privateKey && config.tokens.privateKeyFile)
    problems.push('JWT_PRIVATE_KEY and JWT_PRIVATE_KEY_FILE: set only one of them')
  if (config.database.lockTimeoutMs > config.database.statementTimeoutMs)
    problems.push('LOCK_TIMEOUT_MS must not exceed STATEMENT_TIMEOUT_MS')
  if (config.database.statementTimeoutMs > config.http.requestTimeoutMs)
    problems.push('STATEMENT_TIMEOUT_MS must not exceed REQUEST_TIMEOUT_MS')
  if (problems.length > 0) throw new InvalidConfig(problems)
  return deepFreeze(config)
}

function settingsReader(environment: Readonly<Record<string, string | undefined>>, problems: string[]) {
  const text = (name: string) => environment[name]?.trim() || undefined
  const url = (name: string, pattern: RegExp, expected: string) => {
    const value = matching(name, pattern, expected)
    if (value === undefined || URL.canParse(value)) return value
    problems.push(`${name} must be ${expected}`)
    return undefined
  }
  const matching = (name: string, pattern: RegExp, expected: string) => {
    const value = text(name)
    if (value === undefined || pattern.test(value)) return value
    problems.push(`${name} must be ${expected}`)
    return undefined
  }
  return {
    text,
    matching,
    url,
    integer(name: string, minimum: number, maximum: number) {
      const value = text(name)
      if (value === undefined) return undefined
      if (/^\d{1,15}$/.test(value) && Number(value) >= minimum && Number(value) <= maximum)
        return Number(value)
      problems.push(`${name} must be a whole number from ${minimum} to ${maximum}`)
      return undefined
    },
    oneOf<const Choice extends string>(name: string, choices: readonly Choice[]) {
      const value = text(name)
      const choice = choices.find((candidate) => candidate === value)
      if (value !== undefined && choice === undefined)
        problems.push(`${name} must be one of ${choices.join(', ')}`)
      return choice
    },
    flag(name: string) {
      const value = matching(name, /^(true|false)$/, 'true or false')
      return value === undefined ? undefined : value === 'true'
    },
    /** A PEM on one line, with `\n` written out, is what many deployment tools can carry. */
    privateKey(name: string) {
      const pem = text(name)?.replaceAll('\\n', '\n')
      if (pem === undefined || isSigningKey(pem)) return pem
      problems.push(`${name} must be a PEM with an RSA private key of 2048 bits or more`)
      return undefined
    },
    publicKeys(name: string) {
      const value = text(name)?.replaceAll('\\n', '\n')
      const keys = value === undefined ? undefined : splitPublicKeys(value)
      if (value !== undefined && keys === undefined)
        problems.push(`${name} must be PEMs with RSA public keys of 2048 bits or more`)
      return keys
    },
    clients(name: string) {
      const value = text(name)
      if (value === undefined) return undefined
      const clients = parseJson(value)
      if (Value.Check(Type.Array(BootstrapClient), clients)) return checkClients(name, clients, problems)
      const { path } = Value.Errors(Type.Array(BootstrapClient), clients).First() ?? { path: '' }
      problems.push(
        `${name} must be a JSON array of {"clientId", "clientSecret", "role": "AGENT"|"SUPERVISOR"|"SERVICE", ` +
          `"organizationId"}${path === '' ? '' : `; wrong at ${path}`}`,
      )
      return undefined
    },
  }
}

function checkClients(name: string, clients: BootstrapClient[], problems: string[]): BootstrapClient[] {
  clients.forEach((client, index) => {
    if (client.role !== 'SERVICE' && client.organizationId === undefined)
      problems.push(`${name}: /${index} needs an organizationId, being no SERVICE`)
    if (client.role === 'SERVICE' && client.organizationId !== undefined)
      problems.push(`${name}: /${index} is a SERVICE and must not have an organizationId`)
  })
  if (new Set(clients.map((client) => client.clientId)).size < clients.length)
    problems.push(`${name}: each clientId may stand there once`)
  return clients
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const member of Object.values(value))
    if (typeof member === 'object' && member !== null) deepFreeze(member)
  return Object.freeze(value)
}
