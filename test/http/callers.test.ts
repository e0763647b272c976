// What a valid token makes of its caller, and that it is looked at before anything else (contract §1).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer, serviceToken, signToken } from '../support/tokens.ts'
import { expectErrors, expectProblem } from './support/replies.ts'

const service = await startTestApp()
const foreignClaims = await startTestApp({
  JWT_AUTHORITIES_CLAIM: 'https://idp.example/roles',
  JWT_ORGANIZATION_CLAIM: 'tenant',
  JWT_ISSUER: 'https://idp.example/',
  JWT_AUDIENCE: 'urn:our-api',
})
const foreign = { iss: 'https://idp.example/', aud: 'urn:our-api' }

const globex = agentToken('globex')
await service.call(globex, 'POST', '', { interactionId: 'of-globex' })

const readStatus = async (claims: object, id = 'of-globex') =>
  (await service.call(signToken({ sub: 'someone', ...claims }), 'GET', `/${id}`)).statusCode

describe('the kind of caller', () => {
  test.each([['SERVICE'], ['ROLE_SERVICE']])('is a service by the authority %s', async (authority) => {
    expect(await readStatus({ authorities: [authority] })).toBe(200)
    expect(await readStatus({ authorities: ['USER', authority] })).toBe(200)
  })

  test('is a service although the token carries an organization, which is not used', async () => {
    const token = signToken({ sub: 'someone', organization: 'acme', authorities: ['SERVICE'] })
    expect((await service.call(token, 'GET', '/of-globex')).statusCode).toBe(200)
    expectErrors(await service.call(token, 'POST', '', { type: 'chat' }), 'organizationId')
  })

  test.each([
    ['AGENT', ['AGENT']],
    ['SUPERVISOR', ['SUPERVISOR']],
    ['several authorities', ['USER', 'ROLE_AGENT']],
    ['no authorities', undefined],
  ])('is of the organization of the token with %s', async (_, authorities) => {
    expect(await readStatus({ organization: 'globex', authorities })).toBe(200)
    expect(await readStatus({ organization: 'acme', authorities })).toBe(403)
    expect(await readStatus({ organization: 'GLOBEX', authorities })).toBe(403)
  })
})

test('a refusal to a caller of another organization carries the challenge of RFC 6750', async () => {
  for (const method of ['GET', 'PUT'] as const) {
    const body = method === 'PUT' ? { body: { type: 'x' } } : {}
    const reply = await service.call(agentToken('acme'), method, '/of-globex', body.body)
    expectProblem(reply, 403, 'forbidden')
    expect(reply.headers['www-authenticate']).toMatch(/^Bearer error="insufficient_scope"/)
  }
})

test.each([
  ['of 255 characters', 'u'.repeat(255)],
  ['of 255 characters beyond the basic plane', '😀'.repeat(255)],
  ['of quotes and spaces', `O'Neil "the agent" \\ 7`],
])('a subject %s becomes createdBy', async (_, sub) => {
  const { interactionId } = (await service.call(agentToken('acme', sub), 'POST', '', {})).json()
  const reply = await service.call(serviceToken(), 'GET', `/${interactionId}`)
  expect(reply.json()).toMatchObject({ createdBy: sub, organizationId: 'acme' })
})

test('a token for several audiences, one of them this service, is accepted', async () => {
  expect(await readStatus({ organization: 'globex', aud: ['another-api', 'interaction-api'] })).toBe(200)
})

test('a token that became valid a second ago is accepted', async () => {
  const nbf = Math.floor(Date.now() / 1000) - 1
  expect(await readStatus({ organization: 'globex', nbf })).toBe(200)
})

test('claims beside those that are read do not matter', async () => {
  expect(await readStatus({ organization: 'globex', scope: 7, client_id: {}, jti: null })).toBe(200)
})

describe('with other names for the claims', () => {
  test('the authorities and the organization are read from these', async () => {
    const agent = signToken({ ...foreign, sub: 'a', tenant: 'acme' })
    const { interactionId } = (await foreignClaims.call(agent, 'POST', '', {})).json()
    const service = signToken({ ...foreign, sub: 's', 'https://idp.example/roles': ['SERVICE'] })
    const reply = await foreignClaims.call(service, 'GET', `/${interactionId}`)
    expect(reply.json()).toMatchObject({ organizationId: 'acme', createdBy: 'a' })
  })

  test.each([
    ['organization', { organization: 'acme' }],
    ['authorities', { authorities: ['SERVICE'] }],
  ])('the default claim %s is not read', async (_, claims) => {
    const reply = await foreignClaims.call(signToken({ ...foreign, sub: 'a', ...claims }), 'GET', '/x')
    expectProblem(reply, 403, 'forbidden')
  })

  test('a token of the default issuer is not accepted', async () => {
    const token = signToken({ sub: 'a', tenant: 'acme', aud: foreign.aud })
    expectProblem(await foreignClaims.call(token, 'GET', '/x'), 401, 'invalid_token')
  })

  test('a token for the default audience is not accepted', async () => {
    const token = signToken({ sub: 'a', tenant: 'acme', iss: foreign.iss })
    expectProblem(await foreignClaims.call(token, 'GET', '/x'), 401, 'invalid_token')
  })
})

describe('the token is verified before', () => {
  const json = { 'content-type': 'application/json' }
  const post = { method: 'POST', url: '/rtc-api/interactions', headers: json } as const

  test.each([
    ['the size of the body is', { ...post, payload: Buffer.alloc(2_000_000, 0x20) }],
    ['the syntax of the body is', { ...post, payload: '{' }],
    ['the encoding of the body is', { ...post, payload: Buffer.from([0xff]) }],
    ['the members of the body are', { ...post, payload: '{"data":5}' }],
    ['the type of the body is', { ...post, headers: { 'content-type': 'text/xml' }, payload: '<a/>' }],
    ['the id of a PUT is', { method: 'PUT', url: `/rtc-api/interactions/${'x'.repeat(256)}` }],
    ['the id of a GET is', { method: 'GET', url: '/rtc-api/interactions/%00' }],
    ['an id that exists is', { method: 'GET', url: '/rtc-api/interactions/of-globex' }],
    ['the parameters of a search are', { method: 'GET', url: '/rtc-api/interactions?start=x' }],
    ['a trailing slash is', { method: 'GET', url: '/rtc-api/interactions/' }],
    ['an unknown path is', { method: 'GET', url: '/rtc-api/nothing/here' }],
    ['the root of the path is', { method: 'GET', url: '/rtc-api' }],
    ['the root of the path with a slash is', { method: 'GET', url: '/rtc-api/' }],
    ['a very long path is', { method: 'GET', url: `/rtc-api/interactions/${'%F0%9F%98%80'.repeat(300)}` }],
    ['a wrong method on all is', { method: 'DELETE', url: '/rtc-api/interactions' }],
    ['a wrong method on one is', { method: 'PATCH', url: '/rtc-api/interactions/of-globex' }],
    ['OPTIONS is', { method: 'OPTIONS', url: '/rtc-api/interactions' }],
  ] as const)('%s looked at', async (_, request) => {
    const reply = await service.inject(request)
    expectProblem(reply, 401, 'unauthorized')
    expect(reply.headers['www-authenticate']).toBe('Bearer')

    const wrong = await service.inject({
      ...request,
      headers: { ...('headers' in request ? request.headers : {}), ...bearer('wrong') },
    })
    expectProblem(wrong, 401, 'invalid_token')
  })

  test('HEAD is answered', async () => {
    const reply = await service.inject({ method: 'HEAD', url: '/rtc-api/interactions/of-globex' })
    expect([reply.statusCode, reply.body]).toEqual([401, ''])
  })
})
