// Known attacks on token verification, in addition to authentication.test.ts (contract §1).
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { otherKeyPem, signingKeyPem } from '../support/keys.ts'
import { agentToken, bearer, signTexts, signToken } from '../support/tokens.ts'

const service = await startTestApp()
const status = async (token: string) => (await service.call(token, 'GET', '/nothing')).statusCode

const attackerKey = createPublicKey(otherKeyPem)
const attackerJwk = { ...attackerKey.export({ format: 'jwk' }), kid: 'evil', alg: 'RS256', use: 'sig' }
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicKey = createPublicKey(signingKeyPem)

const now = Math.floor(Date.now() / 1000)
const agent = { sub: 'agent-1', organization: 'acme', authorities: ['AGENT'] }
const claims = { ...agent, iss: 'http://localhost:8080', aud: 'interaction-api', iat: now, exp: now + 600 }
const encode = (text: string) => Buffer.from(text).toString('base64url')

/** A token of this header with any signature. */
function forge(header: object, signature: (input: Buffer) => Buffer): string {
  const input = `${encode(JSON.stringify(header))}.${encode(JSON.stringify(claims))}`
  return `${input}.${signature(Buffer.from(input)).toString('base64url')}`
}

const hmac = (key: string | Buffer) => (input: Buffer) => createHmac('sha256', key).update(input).digest()
const publicEncodings = [
  publicKey.export({ type: 'spki', format: 'der' }),
  publicKey.export({ type: 'pkcs1', format: 'pem' }),
  JSON.stringify(publicKey.export({ format: 'jwk' })),
  publicKey.export({ format: 'jwk' }).n ?? '',
  '',
]

test('the unmodified token of the attacks is accepted', async () => {
  expect(await status(signTexts('{"alg":"RS256"}', JSON.stringify(claims)))).toBe(404)
})

describe('a token is invalid whose header', () => {
  test.each([
    ['brings its own key as jwk', { jwk: attackerJwk }],
    ['names its key by jku', { kid: 'evil', jku: 'http://127.0.0.1:9/jwks.json' }],
    ['names its key by x5u', { x5u: 'http://127.0.0.1:9/chain.pem' }],
    [
      'brings its own chain as x5c',
      { x5c: [attackerKey.export({ type: 'spki', format: 'der' }).toString('base64')] },
    ],
    ['names a file as kid', { kid: '../../../../../../dev/null' }],
    ['has SQL as kid', { kid: "x' union select 'secret' --" }],
    ['has a command as kid', { kid: 'key.pem | whoami' }],
    ['has a URL as kid', { kid: 'http://127.0.0.1:9/' }],
    ['has a list as kid', { kid: ['a', 'b'] }],
    ['has a very long kid', { kid: 'k'.repeat(4000) }],
    ['has a member __proto__', { __proto__: { alg: 'none' }, constructor: 1 }],
  ])('%s and is signed by that key', async (_, header) => {
    expect(await status(signToken(agent, { key: otherKeyPem, header }))).toBe(401)
  })

  test.each([
    ['a critical extension', { crit: ['exp'], exp: now + 600 }],
    ['an unencoded payload', { crit: ['b64'], b64: false }],
    ['a critical extension that is absent', { crit: ['urn:x'] }],
    ['an empty list of critical extensions', { crit: [] }],
  ])('demands %s, although it is signed by the right key', async (_, header) => {
    expect(await status(signToken(agent, { header }))).toBe(401)
  })

  test.each([
    ['twice, none last', '{"alg":"RS256","alg":"none"}'],
    ['twice, HS256 last', '{"alg":"RS256","alg":"HS256"}'],
    ['as a list', '{"alg":["RS256","none"]}'],
    ['as null', '{"alg":null}'],
    ['in lower case', '{"alg":"rs256"}'],
    ['of another hash', '{"alg":"RS384"}'],
    ['with a space', '{"alg":"RS256 "}'],
  ])('has an alg %s, although it is signed by the right key', async (_, header) => {
    expect(await status(signTexts(header, JSON.stringify(claims)))).toBe(401)
  })
})

describe('a token is invalid that is signed', () => {
  test.each(publicEncodings.map((key, index) => [index, key] as const))(
    'by HS256 with the public key as its secret, in encoding %i',
    async (_, key) => {
      for (const alg of ['HS256', 'RS256'])
        expect(await status(forge({ alg, typ: 'JWT' }, hmac(key)))).toBe(401)
    },
  )

  test('by other algorithms, or by none in several spellings', async () => {
    const pss = { key: signingKeyPem, padding: 6, saltLength: 32 }
    const forged = [
      forge({ alg: 'PS256' }, (input) => sign('sha256', input, pss)),
      forge({ alg: 'RS256' }, (input) => sign('sha256', input, pss)),
      forge({ alg: 'RS256' }, (input) => sign('sha1', input, signingKeyPem)),
      forge({ alg: 'ES256' }, (input) =>
        sign('sha256', input, { key: elliptic.privateKey, dsaEncoding: 'ieee-p1363' }),
      ),
      // all zeros pass where r and s are not checked (CVE-2022-21449)
      forge({ alg: 'ES256' }, () => Buffer.alloc(64)),
      forge({ alg: 'RS256' }, () => Buffer.alloc(256)),
      forge({ alg: 'RS256' }, () => Buffer.alloc(256, 0xff)),
      forge({ alg: 'RS256' }, () => Buffer.from([1])),
      ...['nOnE', 'NONE', 'none ', '', 'null', '\u0000none'].map((alg) =>
        forge({ alg }, () => Buffer.alloc(0)),
      ),
    ]
    for (const token of forged) expect(await status(token), token).toBe(401)
  })

  test('correctly, but is spelled differently', async () => {
    const token = agentToken()
    const [header = '', payload = '', signature = ''] = token.split('.')
    // the last character of 256 bytes has four unused bits
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet[alphabet.indexOf(signature.slice(-1)) ^ 1]
    for (const changed of [
      `${header}.${payload}.${signature}=`,
      `${header}=.${payload}.${signature}`,
      `${header}.${payload}.${signature}.`,
      `.${header}.${payload}.${signature}`,
      `${header}..${signature}`,
      `${header}.${payload}.${signature}.${signature}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -1)}${last}`,
      `${header}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}+/`,
      JSON.stringify({ protected: header, payload, signature }),
    ])
      expect(await status(changed), changed).toBe(401)
    expect(await status(token)).toBe(404)
  })

  test('correctly, but contains another token or claims to be encrypted', async () => {
    const nested = agentToken()
    expect(await status(signTexts('{"alg":"RS256","cty":"JWT"}', nested))).toBe(401)
    expect(await status(signTexts('{"alg":"RS256","cty":"JWT"}', JSON.stringify(nested)))).toBe(401)
    expect(await status(signTexts('{"alg":"dir","enc":"A256GCM"}', JSON.stringify(claims)))).toBe(401)
    expect(await status(signTexts('{"alg":"RS256"}', JSON.stringify([claims])))).toBe(401)
  })
})

test('a large token is verified, and one above the limit of headers gets 431', async () => {
  const token = (length: number) => signToken({ ...agent, padding: 'x'.repeat(length) })
  expect(await status(token(8_000))).toBe(404)
  expect(await status(`${token(8_000)}x`)).toBe(401)
  const base = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const huge = await fetch(`${base}/rtc-api/interactions/x`, { headers: bearer(token(100_000)) })
  expect(huge.status).toBe(431)
})
