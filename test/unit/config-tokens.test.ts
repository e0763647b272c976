// The settings for issuing and verifying tokens.
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { InvalidConfig, readConfig } from '../../src/config/config.ts'
import { otherKeyPem, signingKeyPem, toPublicPem } from '../support/keys.ts'

const publicPem = (key: string) => toPublicPem(key).trim()

test('each setting of tokens is read', () => {
  const { tokens } = readConfig({
    TOKEN_TTL_SECONDS: '60',
    JWT_ISSUER: 'https://issuer.example.com',
    JWT_AUDIENCE: 'somebody',
    JWT_PRIVATE_KEY_FILE: '/run/secrets/key.pem',
    JWT_AUTHORITIES_CLAIM: 'roles',
    JWT_ORGANIZATION_CLAIM: 'org',
    JWT_SCOPE_CLAIM: 'scp',
    JWT_SCOPE_PREFIX: 'api/',
    JWT_CLOCK_SKEW_SECONDS: '5',
    REQUIRE_SCOPE: 'true',
    SECRET_HASH_COST: '15',
    TOKEN_QUERY_CREDENTIALS: 'false',
    TOKEN_FAILURES_PER_CLIENT: '3',
    TOKEN_FAILURES_PER_ADDRESS: '4',
    TOKEN_FAILURE_WINDOW_SECONDS: '5',
    JWKS_URL: 'https://id.example/jwks',
    TOKEN_ENDPOINT: 'false',
  })

  expect(tokens).toEqual({
    ttlSeconds: 60,
    issuer: 'https://issuer.example.com',
    audience: 'somebody',
    anyAudience: false,
    clockSkewSeconds: 5,
    privateKey: undefined,
    privateKeyFile: '/run/secrets/key.pem',
    previousPublicKeys: [],
    jwksUrl: 'https://id.example/jwks',
    discoversKeys: false,
    authoritiesClaim: 'roles',
    organizationClaim: 'org',
    scopeClaim: 'scp',
    scopePrefix: 'api/',
    requireScope: true,
    endpoint: false,
    secretCost: 15,
    queryCredentials: false,
    failuresPerClient: 3,
    failuresPerAddress: 4,
    failureWindowSeconds: 5,
  })
})

test('the issuer defaults to PUBLIC_URL', () => {
  const PUBLIC_URL = 'https://api.example.com/'

  expect(readConfig({ PUBLIC_URL }).tokens.issuer).toBe('https://api.example.com')
  expect(readConfig({ PUBLIC_URL, JWT_ISSUER: 'https://id.example' }).tokens.issuer).toBe(
    'https://id.example',
  )
})

test('a private key may have several lines, or one line with \\n for its line breaks', () => {
  const lines = signingKeyPem.trim()

  expect(readConfig({ JWT_PRIVATE_KEY: `${lines}\n` }).tokens.privateKey).toBe(lines)
  expect(readConfig({ JWT_PRIVATE_KEY: lines.replaceAll('\n', '\\n') }).tokens.privateKey).toBe(lines)
})

describe('previous public keys', () => {
  const [first, second] = [publicPem(signingKeyPem), publicPem(otherKeyPem)]

  test.each([
    ['several lines', `${first}\n\n${second}`],
    ['one line with \\n for line breaks', `${first}\n${second}`.replaceAll('\n', '\\n')],
  ])('may be %s', (_how, JWT_PREVIOUS_PUBLIC_KEYS) => {
    expect(readConfig({ JWT_PREVIOUS_PUBLIC_KEYS }).tokens.previousPublicKeys).toEqual([first, second])
  })

  test.each([
    [
      'too short',
      generateKeyPairSync('rsa', { modulusLength: 1024 })
        .publicKey.export({ type: 'spki', format: 'pem' })
        .toString(),
    ],
    ['truncated', first.slice(0, -30)],
    ['mixed with other text', `${first}\nkey`],
    [
      'of another kind',
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
    ['private', signingKeyPem],
  ])('must not be %s; the error contains no value', (_how, JWT_PREVIOUS_PUBLIC_KEYS) => {
    const wrong = new InvalidConfig([
      'JWT_PREVIOUS_PUBLIC_KEYS must be PEMs with RSA public keys of 2048 bits or more',
    ])

    expect(() => readConfig({ JWT_PREVIOUS_PUBLIC_KEYS })).toThrow(wrong)
  })
})

test.each(['id.example/jwks', 'file:///keys', 'https://'])('%s is not accepted as JWKS_URL', (JWKS_URL) => {
  expect(() => readConfig({ JWKS_URL })).toThrow('JWKS_URL must be an http(s) URL')
})

describe('discovery of the issuer', () => {
  const discover = (JWT_ISSUER?: string, more = {}) =>
    readConfig({ JWT_ISSUER_DISCOVERY: 'true', JWT_ISSUER, ...more }).tokens.discoversKeys

  test.each([
    'https://id.example',
    'https://id.example/realms/acme',
    'http://localhost:8081',
    'http://127.1.2.3/',
    'http://[::1]:80',
  ])('accepts the issuer %s', (issuer) => {
    expect(discover(issuer)).toBe(true)
  })

  test.each([
    undefined,
    'http://id.example',
    'http://localhost.example',
    'http://10.0.0.1',
    'ftp://localhost',
    'id.example',
  ])('rejects the issuer %s', (issuer) => {
    expect(() => discover(issuer)).toThrow(
      'JWT_ISSUER must be an https URL, or an http URL of this machine, when JWT_ISSUER_DISCOVERY is true',
    )
  })

  test('excludes JWKS_URL', () => {
    const both = () => discover('https://id.example', { JWKS_URL: 'https://id.example/jwks' })
    expect(both).toThrow('JWKS_URL and JWT_ISSUER_DISCOVERY: set only one of them')
  })
})
