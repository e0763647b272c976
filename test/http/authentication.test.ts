// Bearer tokens that are refused, and the responses (contract §1).
import { createHmac, createPublicKey, createSign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { otherKeyPem, signingKeyPem } from '../support/keys.ts'
import { agentToken, bearer, signToken } from '../support/tokens.ts'
import { expectProblem } from './support/replies.ts'
import { expectUntouched } from './support/untouched.ts'

const service = await startTestApp()
expectUntouched(service.database)

const url = '/rtc-api/interactions'
const search = `${url}?start=2025-01-01T00:00:00Z&end=2025-01-02T00:00:00Z`
const create = (authorization: string) =>
  service.inject({ method: 'POST', url, headers: { authorization }, payload: { interactionId: 'never' } })

const now = Math.floor(Date.now() / 1000)
const agent = { sub: 'agent-1', organization: 'acme', authorities: ['AGENT'] }

/** A token with another header and any signature. */
function withHeader(header: object, sign: (input: string) => string): string {
  const [, payload] = agentToken().split('.')
  const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`
  return `${input}.${sign(input)}`
}

function tampered(): string {
  const [header, payload = '', signature] = agentToken('acme').split('.')
  const claims = Buffer.from(payload, 'base64url').toString().replace('"acme"', '"evil"')
  return `${header}.${Buffer.from(claims).toString('base64url')}.${signature}`
}

const publicKeyPem = createPublicKey(signingKeyPem).export({ type: 'spki', format: 'pem' })
const hs256 = (key: string | Buffer) =>
  withHeader({ alg: 'HS256', typ: 'JWT' }, (input) =>
    createHmac('sha256', key).update(input).digest('base64url'),
  )
const [, , validSignature = ''] = agentToken().split('.')

describe('a call without a bearer token', () => {
  test.each([
    ['has no Authorization header', {}],
    ['authenticates by HTTP Basic', { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }],
    ['has a token with another scheme', { authorization: `Token ${agentToken()}` }],
    ['has a token without a scheme', { authorization: agentToken() }],
  ])('gets 401 without an error code when it %s', async (_, headers) => {
    const reply = await service.inject({ url: search, headers })
    expectProblem(reply, 401, 'unauthorized')
    expect(reply.headers['www-authenticate']).toBe('Bearer')
  })

  test.each(['access_token', 'token', 'authorization'])(
    'is refused even with a valid token in the query parameter %s',
    async (name) => {
      const reply = await service.inject({ url: `${search}&${name}=${agentToken()}` })
      expect([reply.statusCode, reply.headers['www-authenticate']]).toEqual([401, 'Bearer'])
    },
  )
})

test('a token in the query string is ignored when the header has one', async () => {
  const reply = await service.inject({
    url: `${search}&organizationId=acme&access_token=${agentToken('evil')}`,
    headers: bearer(agentToken('acme')),
  })
  expect(reply.statusCode).toBe(200)
})

test.each([
  ['nothing after the scheme', 'Bearer'],
  ['a space after the scheme', 'Bearer '],
  ['no space after the scheme', `Bearer${agentToken()}`],
  ['two spaces after the scheme', `Bearer  ${agentToken()}`],
  ['a tab after the scheme', `Bearer\t${agentToken()}`],
  ['two tokens', `Bearer ${agentToken()}, Bearer ${agentToken()}`],
  ['text after the token', `Bearer ${agentToken()} x`],
  ['a character that tokens cannot have', `Bearer ${agentToken()}"`],
  ['a letter that tokens cannot have', 'Bearer tökén'],
  ['padding in the middle', 'Bearer abc=def'],
])('a malformed bearer header is refused: %s', async (_, authorization) => {
  const reply = await create(authorization)
  expectProblem(reply, 401, 'invalid_token')
  expect(reply.headers['www-authenticate']).toBe(
    'Bearer error="invalid_token", error_description="The bearer token is malformed."',
  )
})

test.each([
  ['that is not a JWT', 'garbage'],
  ['of three dots only', '...'],
  ['of three parts that are not JSON', 'abc.def.ghi'],
  [
    'whose payload is not an object',
    withHeader({ alg: 'RS256' }, () => validSignature).replace(/\..*\./, '.NQ.'),
  ],
  ['without its signature', agentToken().replace(/[^.]*$/, '')],
  ['with half of its signature', agentToken().slice(0, -100)],
  ['without the dot before its signature', agentToken().split('.').slice(0, 2).join('.')],
  ['whose payload was changed', tampered()],
  ['signed with another key', signToken(agent, { key: otherKeyPem })],
  ['signed with another key under a known kid', signToken(agent, { key: otherKeyPem, header: { kid: 'x' } })],
  ['of alg none', withHeader({ alg: 'none', typ: 'JWT' }, () => '')],
  ['of alg None', withHeader({ alg: 'None', typ: 'JWT' }, () => '')],
  ['of alg none with a signature', withHeader({ alg: 'none', typ: 'JWT' }, () => validSignature)],
  ['without an alg', withHeader({ typ: 'JWT' }, () => validSignature)],
  ['signed by HS256 with the public key as secret', hs256(publicKeyPem)],
  ['signed by HS256 with the trimmed public key as secret', hs256(publicKeyPem.toString().trim())],
  [
    'signed by RS512 with the right key',
    withHeader({ alg: 'RS512' }, (input) =>
      createSign('RSA-SHA512').update(input).sign(signingKeyPem, 'base64url'),
    ),
  ],
  ['that expired a minute and a second ago', signToken({ ...agent, exp: now - 61 })],
  ['whose exp is not a number', signToken({ ...agent, exp: 'tomorrow' })],
  ['that is not valid yet', signToken({ ...agent, nbf: now + 300 })],
  ['that is an ID token', signToken(agent, { header: { typ: 'id+jwt' } })],
  ['that is a logout token', signToken(agent, { header: { typ: 'logout+jwt' } })],
  ['of a type that begins like an access token', signToken(agent, { header: { typ: 'at+jwt2' } })],
  ['whose type is no string', signToken(agent, { header: { typ: ['JWT'] } })],
  ['of another issuer', signToken({ ...agent, iss: 'http://evil.example' })],
  [
    'of an issuer that has the right one as prefix',
    signToken({ ...agent, iss: 'http://localhost:8080/evil' }),
  ],
  ['for another audience', signToken({ ...agent, aud: 'another-api' })],
  ['for several other audiences', signToken({ ...agent, aud: ['another-api', 'interaction'] })],
  ['for an empty audience', signToken({ ...agent, aud: [] })],
  ['without exp', signToken({ ...agent, exp: undefined })],
  ['without sub', signToken({ ...agent, sub: undefined })],
  ['without iss', signToken({ ...agent, iss: undefined })],
  ['without aud', signToken({ ...agent, aud: undefined })],
  ['whose sub is empty', signToken({ ...agent, sub: '' })],
  ['whose sub has 256 characters', signToken({ ...agent, sub: 'u'.repeat(256) })],
  ['whose sub holds NUL', signToken({ ...agent, sub: 'agent\u0000' })],
  ['whose sub holds half of a surrogate pair', signToken({ ...agent, sub: 'agent\ud800' })],
  ['whose sub is a number', signToken({ ...agent, sub: 7 })],
  ['whose sub is null', signToken({ ...agent, sub: null })],
])('a token %s is invalid', async (_, token) => {
  const reply = await create(`Bearer ${token}`)
  expectProblem(reply, 401, 'invalid_token')
  expect(reply.headers['www-authenticate']).toMatch(
    /^Bearer error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]+"$/,
  )
})

test.each([
  ['an agent without an organization', { ...agent, organization: undefined }],
  ['an agent whose organization is empty', { ...agent, organization: '' }],
  ['an agent whose organization is null', { ...agent, organization: null }],
  ['an agent whose organization has 256 characters', { ...agent, organization: 'o'.repeat(256) }],
  ['an agent whose organization holds NUL', { ...agent, organization: 'acme\u0000' }],
  ['an agent with several organizations', { ...agent, organization: ['acme', 'globex'] }],
  ['a user without authorities', { sub: 'user' }],
  ['a user with an authority that resembles SERVICE', { sub: 'user', authorities: ['SERVICES', 'service'] }],
  ['a user whose scope is SERVICE', { sub: 'user', scope: 'SERVICE', authorities: [] }],
])('the valid token of %s gets 403', async (_, claims) => {
  const reply = await create(`Bearer ${signToken(claims)}`)
  expectProblem(reply, 403, 'forbidden')
  expect(reply.headers['www-authenticate']).toMatch(
    /^Bearer error="insufficient_scope"(, error_description="[\x20\x21\x23-\x5b\x5d-\x7e]+")?$/,
  )
})

test.each(['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', undefined])(
  'the type of a token may be %s',
  async (typ) => {
    const token = signToken(agent, { header: { typ } })
    expect((await service.inject({ url: search, headers: bearer(token) })).statusCode).toBe(200)
  },
)

test.each(['bearer', 'BEARER', 'bEaReR'])('the scheme may be spelled %s', async (scheme) => {
  const reply = await service.inject({ url: search, headers: { authorization: `${scheme} ${agentToken()}` } })
  expect(reply.statusCode).toBe(200)
})
