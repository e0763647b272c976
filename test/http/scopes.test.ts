// What a token's scopes allow, for each operation (contract §1).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { serviceToken, signToken } from '../support/tokens.ts'
import { addClient, agentClient, askForToken } from './support/oauth.ts'
import { expectProblem } from './support/replies.ts'

const service = await startTestApp()
const strict = await startTestApp({ REQUIRE_SCOPE: 'true' })
for (const { call } of [service, strict])
  await call(signToken({ sub: 'agent-1', organization: 'acme', scope: 'interactions' }), 'POST', '', {
    interactionId: 'stored',
  })

const tokenWith = (scope: unknown) => signToken({ sub: 'agent-1', organization: 'acme', scope })

/** A successful request for each operation, and the scope that it needs. */
const operations = {
  createInteraction: { needs: 'interactions:write', method: 'POST', path: '', body: {} },
  getInteraction: { needs: 'interactions:read', method: 'GET', path: '/stored', body: undefined },
  updateInteraction: { needs: 'interactions:write', method: 'PUT', path: '/stored', body: { type: 'chat' } },
  listInteractions: { needs: 'interactions:read', method: 'GET', path: query(always), body: undefined },
} as const
type Operation = keyof typeof operations
const reads = ['getInteraction', 'listInteractions'] as const
const writes = ['createInteraction', 'updateInteraction'] as const
const all = [...reads, ...writes]

/** Sends the requests of all operations. @returns the operations that were allowed; the others were refused as promised */
async function findAllowed(app: typeof service, token: string): Promise<Operation[]> {
  const allowed: Operation[] = []
  for (const operation of all) {
    const { needs, method, path, body } = operations[operation]
    const reply = await app.call(token, method, path, body)
    if (reply.statusCode < 300) {
      allowed.push(operation)
      continue
    }
    expectProblem(reply, 403, 'insufficient_scope')
    expect(reply.json().error_description).toContain(needs)
    expect(reply.headers['www-authenticate']).toMatch(
      new RegExp(`^Bearer error="insufficient_scope", error_description="[^"]+", scope="${needs}"$`),
    )
  }
  return allowed
}

test('every operation of the document under /rtc-api is tried here, and names the scope that it needs', async () => {
  const { paths, components } = (await service.inject({ url: '/openapi.json' })).json()
  const named: [string, unknown][] = []
  for (const [path, methods] of Object.entries<Record<string, { operationId: string; security: object[] }>>(
    paths,
  ))
    for (const { operationId, security } of Object.values(methods))
      if (path.startsWith('/rtc-api')) named.push([operationId, security])
  const expected = Object.entries(operations).map(([operationId, { needs }]) => [
    operationId,
    [{ BearerToken: [] }, { OAuth2ClientCredentials: [needs] }],
  ])
  expect(named.sort()).toEqual(expected.sort())
  const { scopes } = components.securitySchemes.OAuth2ClientCredentials.flows.clientCredentials
  expect(Object.keys(scopes)).toEqual(['interactions', 'interactions:read', 'interactions:write'])
})

describe.each([
  ['interactions', all],
  ['interactions:read', reads],
  ['interactions:write', writes],
  ['interactions:read interactions:write', all],
  ['openid interactions:read profile', reads],
  ['  interactions:read  ', reads],
  ['interactions:read interactions', all],
  [['interactions:write', 'openid'], writes],
  [['interactions:read', 'interactions:write'], all],
  [['interactions:read', 7, null], reads],
])('a token with the scope %j', (scope, expected) => {
  test('may do what it says, with and without REQUIRE_SCOPE', async () => {
    for (const app of [service, strict]) expect(await findAllowed(app, tokenWith(scope))).toEqual(expected)
  })
})

describe.each([
  undefined,
  null,
  '',
  [],
  'openid profile',
  'interaction:read',
  'INTERACTIONS:READ',
  'interactions:read:all',
  'interactions:read\tinteractions',
  'constructor',
  ['__proto__'],
  7,
  { interactions: true },
])('a token whose scope is %j', (scope) => {
  test('may do everything its role may', async () => {
    expect(await findAllowed(service, tokenWith(scope))).toEqual(all)
  })

  test('may do nothing with REQUIRE_SCOPE', async () => {
    expect(await findAllowed(strict, tokenWith(scope))).toEqual([])
  })
})

test('a SERVICE needs scopes as well', async () => {
  const token = signToken({ sub: 'backend', authorities: ['SERVICE'], scope: 'interactions:read' })
  expect((await service.call(token, 'GET', '/stored')).statusCode).toBe(200)
  const body = { organizationId: 'acme' }
  expectProblem(await service.call(token, 'POST', '', body), 403, 'insufficient_scope')
  expect((await service.call(serviceToken(), 'POST', '', body)).statusCode).toBe(200)
})

test('HEAD needs the scope of GET', async () => {
  const head = async (scope: string) =>
    (
      await service.inject({
        method: 'HEAD',
        url: '/rtc-api/interactions/stored',
        headers: { authorization: `Bearer ${tokenWith(scope)}` },
      })
    ).statusCode
  expect([await head('interactions:read'), await head('interactions:write')]).toEqual([200, 403])
})

test('the scope is checked before the request is validated or its body is read', async () => {
  const token = tokenWith('interactions:read')
  for (const body of ['{', ' '.repeat(2_000_000), { data: 5 }])
    expectProblem(await service.call(token, 'POST', '', body), 403, 'insufficient_scope')
  expectProblem(
    await service.call(tokenWith('interactions:write'), 'GET', '?start=x'),
    403,
    'insufficient_scope',
  )
})

test('unknown paths and other methods are 404 and 405 whatever the scope', async () => {
  const headers = { authorization: `Bearer ${tokenWith('interactions:read')}` }
  const status = async (method: 'DELETE' | 'POST', url: string) =>
    (await service.inject({ method, url, headers })).statusCode
  expect(await status('DELETE', '/rtc-api/interactions/stored')).toBe(405)
  expect(await status('POST', '/rtc-api/nothing')).toBe(404)
})

describe('the token endpoint', () => {
  const grant = { grant_type: 'client_credentials' }

  test.each([
    [['interactions'], undefined, 'interactions', all],
    [['interactions:read'], undefined, 'interactions:read', reads],
    [['interactions'], 'interactions:read', 'interactions:read', reads],
    [['interactions', 'reports'], 'interactions:write reports', 'interactions:write reports', writes],
    [['interactions:read', 'interactions:write'], 'interactions:write', 'interactions:write', writes],
    [['interactions:read', 'reports'], 'reports interactions:read', 'reports interactions:read', reads],
  ] as const)(
    'grants a client with %j that requests %j the scope %j',
    async (scopes, scope, granted, expected) => {
      const client = { ...agentClient(`c-${scopes}-${scope}`), scopes }
      const credentials = await addClient(service, client, 'secret')
      const request = scope === undefined ? grant : { ...grant, scope }
      const reply = (await askForToken(service, 'form', credentials, request)).json()
      expect(reply.scope).toBe(granted)
      expect(await findAllowed(service, reply.access_token)).toEqual(expected)
    },
  )

  test.each([
    [['interactions:read'], 'interactions'],
    [['interactions:read'], 'interactions:write'],
    [['interactions:read'], 'interactions:read interactions:write'],
    [['interactions:write', 'interactions:read'], 'interactions'],
    [['interactions'], 'interactions:admin'],
    // without a scope of this service the token would allow everything
    [['interactions:read', 'reports'], 'reports'],
  ] as const)('refuses a client with %j that requests %j', async (scopes, scope) => {
    const client = { ...agentClient(`r-${scopes}-${scope}`), scopes }
    const credentials = await addClient(service, client, 'secret')
    expectProblem(await askForToken(service, 'form', credentials, { ...grant, scope }), 400, 'invalid_scope')
  })
})
