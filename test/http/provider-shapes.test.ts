// Tokens in exactly the shapes that widely used identity providers give them, from a local issuer, with the settings of the
// recipes in docs/integrators.md.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { cloneDatabase } from '../support/database.ts'
import { signToken } from '../support/tokens.ts'
import { issuerKeys } from './support/issuer-keys.ts'
import { expectProblem } from './support/replies.ts'

const keys = await issuerKeys()
afterAll(() => keys.close())
const storage = await cloneDatabase()
const guide = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'integrators.md'), 'utf8')

/** Returns the settings in the recipe of a provider, without those that find its keys. */
function recipe(provider: string): Record<string, string> {
  const section = guide.slice(guide.indexOf(`### ${provider}`))
  const [, block = ''] = /```dotenv\n(.*?)```/s.exec(section) ?? []
  const settings = Array.from(block.matchAll(/^(\w+)=(.*)$/gm), ([, name = '', value = '']) => [name, value])
  return { ...Object.fromEntries(settings), JWT_ISSUER_DISCOVERY: 'false', JWKS_URL: keys.url }
}

interface Shape {
  readonly provider: string
  readonly header: { readonly typ?: string }
  /** of a user of an organization, and of a program that crosses organizations */
  readonly agent: Record<string, unknown>
  readonly service: Record<string, unknown>
  readonly organization: string
}

const shapes: readonly Shape[] = [
  {
    provider: 'Keycloak',
    header: { typ: 'JWT' },
    agent: {
      iss: 'https://id.example/realms/calls',
      aud: ['interaction-api', 'account'],
      sub: '0a6f1d8e-7c0b-4f4e-9a51-3c7d2b1e5f60',
      typ: 'Bearer',
      azp: 'crm',
      realm_access: { roles: ['offline_access', 'default-roles-calls'] },
      resource_access: { 'interaction-api': { roles: ['AGENT'] }, account: { roles: ['view-profile'] } },
      scope: 'profile organization email',
      organization: { acme: { id: '42c3e46f-2477-44d7-a85b-d3b43f6b31fa' } },
    },
    service: {
      iss: 'https://id.example/realms/calls',
      aud: ['interaction-api', 'account'],
      sub: '2c4f7f0e-93ee-4f5d-8a0c-9b8f0f6f7a11',
      typ: 'Bearer',
      azp: 'reports',
      resource_access: { 'interaction-api': { roles: ['SERVICE'] } },
      scope: 'profile email',
      clientHost: '10.0.0.7',
    },
    organization: 'acme',
  },
  {
    provider: 'Microsoft Entra ID',
    header: { typ: 'JWT' },
    agent: {
      iss: 'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0',
      aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
      sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
      tid: '72f988bf-86f1-41af-91ab-2d7cd011db47',
      oid: '00000000-0000-0000-66f3-3332eca7ea81',
      roles: ['AGENT'],
      scp: 'interactions.access',
      ver: '2.0',
    },
    service: {
      iss: 'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0',
      aud: '6e74172b-be56-4843-9ff4-e66a39bb12e3',
      sub: 'f1c3a2f0-4b57-4a0e-8f27-4c1fb2b4f5b0',
      tid: '72f988bf-86f1-41af-91ab-2d7cd011db47',
      idtyp: 'app',
      roles: ['SERVICE'],
      ver: '2.0',
    },
    organization: '72f988bf-86f1-41af-91ab-2d7cd011db47',
  },
  {
    provider: 'Auth0',
    header: { typ: 'at+jwt' },
    agent: {
      iss: 'https://calls.eu.auth0.com/',
      aud: ['https://interaction-api.example', 'https://calls.eu.auth0.com/userinfo'],
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      azp: 'my_client_id',
      scope: 'openid profile interactions:read',
      org_id: 'org_9ybsU1dN2dKfDkBi',
      permissions: ['interactions:read'],
      'https://interaction-api.example/roles': ['AGENT'],
    },
    service: {
      iss: 'https://calls.eu.auth0.com/',
      aud: 'https://interaction-api.example',
      sub: 'my_client_id@clients',
      gty: 'client-credentials',
      permissions: ['interactions'],
      'https://interaction-api.example/roles': ['SERVICE'],
    },
    organization: 'org_9ybsU1dN2dKfDkBi',
  },
  {
    provider: 'Amazon Cognito',
    header: {},
    agent: {
      iss: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example',
      sub: 'aaaaaaaa-bbbb-cccc-dddd-example',
      'cognito:groups': ['AGENT'],
      'custom:organization': 'acme',
      token_use: 'access',
      client_id: '1example23456789',
      scope: 'interaction-api/interactions:read',
      version: 2,
    },
    service: {
      iss: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example',
      sub: '1example23456789',
      'cognito:groups': ['SERVICE'],
      token_use: 'access',
      client_id: '1example23456789',
      scope: 'interaction-api/interactions',
      version: 2,
    },
    organization: 'acme',
  },
  {
    provider: 'Okta',
    header: {},
    agent: {
      ver: 1,
      iss: 'https://calls.okta.com/oauth2/default',
      aud: 'api://interaction-api',
      sub: 'agent@acme.example',
      cid: '0oa2cl2gtiEkSJXpV0h7',
      uid: '00u2cl2gtiEkSJXpV0h7',
      scp: ['openid', 'interactions:read'],
      interaction_roles: ['AGENT'],
      organization: 'acme',
    },
    service: {
      ver: 1,
      iss: 'https://calls.okta.com/oauth2/default',
      aud: 'api://interaction-api',
      sub: '0oa2cl2gtiEkSJXpV0h7',
      cid: '0oa2cl2gtiEkSJXpV0h7',
      scp: ['interactions'],
      interaction_roles: ['SERVICE'],
    },
    organization: 'acme',
  },
]

describe.each(shapes)('$provider', async ({ provider, header, agent, service, organization }) => {
  const { call } = await startTestApp(recipe(provider), storage)
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: keys.keyId, ...header })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(keys.privateKey)

  test('its users are confined to their organization, its programs are not', async () => {
    const created = await call(await sign(service), 'POST', '', { organizationId: organization })
    expect(created.statusCode, created.body).toBe(200)
    const path = `/${created.json().interactionId}`
    expect((await call(await sign(agent), 'GET', path)).json()).toMatchObject({
      organizationId: organization,
      createdBy: service.sub,
    })
    const elsewhere = await call(await sign(service), 'POST', '', { organizationId: 'elsewhere' })
    expectProblem(
      await call(await sign(agent), 'GET', `/${elsewhere.json().interactionId}`),
      403,
      'forbidden',
    )
  })

  test('a token of it that names no organization is refused', async () => {
    const claims = Object.entries(agent).filter(
      ([name]) => !/^(organization|tid|org_id|custom:.*)$/.test(name),
    )
    expectProblem(await call(await sign(Object.fromEntries(claims)), 'GET', '/x'), 403, 'forbidden')
  })

  test('a token of another issuer is refused', async () => {
    const other = await sign({ ...agent, iss: 'https://evil.example/' })
    expectProblem(await call(other, 'GET', '/x'), 401, 'invalid_token')
  })
})

test('scopes by other names limit what a token may do', async () => {
  for (const { provider, header, agent } of shapes.filter(({ agent }) =>
    JSON.stringify(agent).includes('interactions:read'),
  )) {
    const { call } = await startTestApp(recipe(provider), storage)
    const token = await new SignJWT(agent)
      .setProtectedHeader({ alg: 'RS256', kid: keys.keyId, ...header })
      .setExpirationTime('5m')
      .sign(keys.privateKey)
    expect([provider, (await call(token, 'GET', '/missing')).statusCode]).toEqual([provider, 404])
    expectProblem(await call(token, 'POST', '', {}), 403, 'insufficient_scope')
  }
})

test('JWT_AUDIENCE=* is for tokens of the provider: those of the service still need their audience', async () => {
  const { call, inject } = await startTestApp({ JWKS_URL: keys.url, JWT_AUDIENCE: '*' }, storage)
  const [{ kid }] = (await inject({ url: '/security/oauth/jwks.json' })).json().keys
  const status = async (token: string) => (await call(token, 'GET', '/missing')).statusCode
  const claims = { sub: 'agent', organization: 'acme' }
  const own = { header: { kid } }
  expect(await status(signToken(claims, own))).toBe(404)
  expect(await status(signToken({ ...claims, aud: 'another-api' }, own))).toBe(401)
  expect(await status(signToken({ ...claims, aud: undefined }, own))).toBe(401)
})
