// The caller that a valid token stands for, and that the token is verified first (contract §1).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer, serviceToken, signToken } from '../support/tokens.ts'
import { expectErrors, expectProblem } from './support/replies.ts'

const service = await startTestApp()
const renamedClaims = await startTestApp({
  JWT_AUTHORITIES_CLAIM: 'https://idp.example/roles',
  JWT_ORGANIZATION_CLAIM: 'tenant',
  JWT_ISSUER: 'https://idp.example/',
  JWT_AUDIENCE: 'urn:our-api',
})
const provider = { iss: 'https://idp.example/', aud: 'urn:our-api' }

const globex = agentToken('globex')
await service.call(globex, 'POST', '', { interactionId: 'of-globex' })

const readStatus = async (claims: object, id = 'of-globex') =>
  (await service.call(signToken({ sub: 'someone', ...claims }), 'GET', `/${id}`)).statusCode

describe('the kind of caller', () => {
  test.each([['SERVICE'], ['ROLE_SERVICE']])('is SERVICE with the authority %s', async (authority) => {
    expect(await readStatus({ authorities: [authority] })).toBe(200)
    expect(await readStatus({ authorities: ['USER', authority] })).toBe(200)
  })

  test('is SERVICE even when the token has an organization, which is ignored', async () => {
    const token = signToken({ sub: 'someone', organization: 'acme', authorities: ['SERVICE'] })
    expect((await service.call(token, 'GET', '/of-globex')).statusCode).toBe(200)
    expectErrors(await service.call(token, 'POST', '', { type: 'chat' }), 'organizationId')
  })

  test.each([
    ['AGENT', ['AGENT']],
    ['SUPERVISOR', ['SUPERVISOR']],
    ['several authorities', ['USER', 'ROLE_AGENT']],
    ['no authorities', undefined],
  ])('is confined to the organization of the token with %s', async (_, authorities) => {
    expect(await readStatus({ organization: 'globex', authorities })).toBe(200)
    expect(await readStatus({ organization: 'acme', authorities })).toBe(403)
    expect(await readStatus({ organization: 'GLOBEX', authorities })).toBe(403)
  })
})

test('a 403 for a caller of another organization has the challenge of RFC 6750', async () => {
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

test('other claims are ignored', async () => {
  expect(await readStatus({ organization: 'globex', scope: 7, client_id: {}, jti: null })).toBe(200)
})

describe('with other names for the claims', () => {
  test('reads the authorities and the organization from them', async () => {
    const agent = signToken({ ...provider, sub: 'a', tenant: 'acme' })
    const { interactionId } = (await renamedClaims.call(agent, 'POST', '', {})).json()
    const service = signToken({ ...provider, sub: 's', 'https://idp.example/roles': ['SERVICE'] })
    const reply = await renamedClaims.call(service, 'GET', `/${interactionId}`)
    expect(reply.json()).toMatchObject({ organizationId: 'acme', createdBy: 'a' })
  })

  test.each([
    ['organization', { organization: 'acme' }],
    ['authorities', { authorities: ['SERVICE'] }],
  ])('ignores the default claim %s', async (_, claims) => {
    const reply = await renamedClaims.call(signToken({ ...provider, sub: 'a', ...claims }), 'GET', '/x')
    expectProblem(reply, 403, 'forbidden')
  })

  test('refuses a token of the default issuer', async () => {
    const token = signToken({ sub: 'a', tenant: 'acme', aud: provider.aud })
    expectProblem(await renamedClaims.call(token, 'GET', '/x'), 401, 'invalid_token')
  })

  test('refuses a token for the default audience', async () => {
    const token = signToken({ sub: 'a', tenant: 'acme', iss: provider.iss })
    expectProblem(await renamedClaims.call(token, 'GET', '/x'), 401, 'invalid_token')
  })
})

describe('the token is verified before', () => {
  const json = { 'content-type': 'application/json' }
  const post = { method: 'POST', url: '/rtc-api/interactions', headers: json } as const

  test.each([
    ['the size of the body', { ...post, payload: Buffer.alloc(2_000_000, 0x20) }],
    ['the syntax of the body', { ...post, payload: '{' }],
    ['the encoding of the body', { ...post, payload: Buffer.from([0xff]) }],
    ['the members of the body', { ...post, payload: '{"data":5}' }],
    ['the content type', { ...post, headers: { 'content-type': 'text/xml' }, payload: '<a/>' }],
    ['the id of a PUT', { method: 'PUT', url: `/rtc-api/interactions/${'x'.repeat(256)}` }],
    ['the id of a GET', { method: 'GET', url: '/rtc-api/interactions/%00' }],
    ['an id that exists', { method: 'GET', url: '/rtc-api/interactions/of-globex' }],
    ['the parameters of a search', { method: 'GET', url: '/rtc-api/interactions?start=x' }],
    ['a trailing slash', { method: 'GET', url: '/rtc-api/interactions/' }],
    ['an unknown path', { method: 'GET', url: '/rtc-api/nothing/here' }],
    ['the root of the path', { method: 'GET', url: '/rtc-api' }],
    ['the root of the path with a slash', { method: 'GET', url: '/rtc-api/' }],
    ['a very long path', { method: 'GET', url: `/rtc-api/interactions/${'%F0%9F%98%80'.repeat(300)}` }],
    ['a wrong method on the collection', { method: 'DELETE', url: '/rtc-api/interactions' }],
    ['a wrong method on one interaction', { method: 'PATCH', url: '/rtc-api/interactions/of-globex' }],
    ['OPTIONS', { method: 'OPTIONS', url: '/rtc-api/interactions' }],
  ] as const)('%s is checked', async (_, request) => {
    const reply = await service.inject(request)
    expectProblem(reply, 401, 'unauthorized')
    expect(reply.headers['www-authenticate']).toBe('Bearer')

    const wrong = await service.inject({
      ...request,
      headers: { ...('headers' in request ? request.headers : {}), ...bearer('wrong') },
    })
    expectProblem(wrong, 401, 'invalid_token')
  })

  test('HEAD is handled', async () => {
    const reply = await service.inject({ method: 'HEAD', url: '/rtc-api/interactions/of-globex' })
    expect([reply.statusCode, reply.body]).toEqual([401, ''])
  })
})
