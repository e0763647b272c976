// Successful token requests in each of the three styles (contract §2).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import {
  addClient,
  agentClient,
  askForToken,
  basic,
  form,
  query,
  serviceClient,
  styles,
  tokenUrl,
} from './support/oauth.ts'

const service = await startTestApp({ JWT_ISSUER: 'https://id.example', TOKEN_TTL_SECONDS: '90' })
const agent = await addClient(service, agentClient('agent'), 'agent-secret')
const backend = await addClient(service, serviceClient('backend'), 'backend-secret')

const grant = { grant_type: 'client_credentials' }

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

describe.each(styles)('an AGENT client that authenticates by %s', (style) => {
  test('gets a response with all members that published clients read', async () => {
    const reply = await askForToken(service, style, agent)
    expect(reply.statusCode).toBe(200)
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    })
    expect(reply.json()).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'bearer',
      expires_in: 90,
      scope: 'interactions reports',
      organization: 'acme',
      sub: 'agent',
      jti: expect.stringMatching(/^[\w-]{36}$/),
    })
  })

  test('can call the API with it', async () => {
    const { access_token } = (await askForToken(service, style, agent)).json()
    const { interactionId } = (await service.call(access_token, 'POST', '', {})).json()
    const reply = await service.call(access_token, 'GET', `/${interactionId}`)
    expect(reply.json()).toMatchObject({ organizationId: 'acme', createdBy: 'agent' })
  })
})

test('a SERVICE gets a token without an organization that is valid for all organizations', async () => {
  const granted = (await askForToken(service, 'basic', backend)).json()
  expect(Object.keys(granted).sort()).toEqual(
    ['access_token', 'expires_in', 'jti', 'scope', 'sub', 'token_type'].sort(),
  )
  const body = { interactionId: 'made', organizationId: 'globex' }
  expect((await service.call(granted.access_token, 'POST', '', body)).statusCode).toBe(200)
  expect((await service.call(granted.access_token, 'GET', '/made')).statusCode).toBe(200)
})

test('a token carries the claims of the contract', async () => {
  const { access_token, jti, expires_in } = (await askForToken(service, 'form', agent)).json()
  const { iat, exp, ...claims } = claimsOf(access_token)
  expect(claims).toEqual({
    sub: 'agent',
    client_id: 'agent',
    authorities: ['AGENT'],
    organization: 'acme',
    scope: 'interactions reports',
    iss: 'https://id.example',
    aud: 'interaction-api',
    jti,
  })
  expect(Number(exp) - Number(iat)).toBe(expires_in)
  expect(Math.abs(Number(iat) - Date.now() / 1000)).toBeLessThan(30)
})

test('the claims of a token are named by the settings', async () => {
  const other = await startTestApp({ JWT_AUTHORITIES_CLAIM: 'roles', JWT_ORGANIZATION_CLAIM: 'tenant' })
  const credentials = await addClient(other, agentClient('agent'), 'secret')
  const granted = (await askForToken(other, 'form', credentials)).json()
  expect(granted).toMatchObject({ organization: 'acme' })
  expect(claimsOf(granted.access_token)).toMatchObject({ roles: ['AGENT'], tenant: 'acme' })
  expect((await other.call(granted.access_token, 'POST', '', {})).statusCode).toBe(200)
})

test('each token has its own id', async () => {
  const tokens = await Promise.all([1, 2, 3].map(() => askForToken(service, 'form', agent)))
  expect(new Set(tokens.map((reply) => reply.json().jti)).size).toBe(3)
})

describe('the places of parameters may be mixed:', () => {
  test.each([
    ['Basic, and the grant in the query', `?${query(grant)}`, basic(...agent), undefined],
    [
      'the id in the query, the rest in the form',
      '?client_id=agent',
      form,
      query({ client_secret: 'agent-secret', ...grant }),
    ],
    [
      'the grant in the query, the rest in the form',
      `?${query(grant)}`,
      form,
      query({ client_id: 'agent', client_secret: 'agent-secret' }),
    ],
    [
      'a scheme in capitals',
      '',
      {
        ...form,
        authorization:
          basic(...agent)
            .authorization.toUpperCase()
            .slice(0, 5) + basic(...agent).authorization.slice(5),
      },
      query(grant),
    ],
    [
      'a form with a charset',
      '',
      { ...basic(...agent), 'content-type': `${form['content-type']};charset=UTF-8` },
      query(grant),
    ],
    [
      'the query alone, with an empty form',
      `?${query({ client_id: 'agent', client_secret: 'agent-secret', ...grant })}`,
      form,
      '',
    ],
  ])('%s', async (_, search, headers, payload) => {
    const reply = await service.inject({
      method: 'POST',
      url: tokenUrl + search,
      headers,
      ...(payload === undefined ? {} : { payload }),
    })
    expect(reply.json()).toMatchObject({ sub: 'agent', token_type: 'bearer' })
  })
})

describe('a scope', () => {
  test.each([
    ['interactions', 'interactions'],
    ['reports interactions', 'reports interactions'],
    ['reports reports', 'reports'],
    ['', 'interactions reports'],
  ])('requested as "%s" is granted as "%s"', async (scope, granted) => {
    const reply = await askForToken(service, 'form', agent, { ...grant, scope })
    expect(reply.json()).toMatchObject({ scope: granted })
    expect(claimsOf(reply.json().access_token)).toMatchObject({ scope: granted })
  })
})

describe('a secret that HTTP Basic could change', () => {
  test.each(['a+b', 'a%b', 'a:b:', '50%2Boff', ':', 'p ü+%:/é&='])(
    'is accepted raw and percent-encoded: %s',
    async (secret) => {
      const id = `client ${secret.replaceAll(':', '_')}`
      await addClient(service, agentClient(id), secret)
      const encoded = [encodeURIComponent(id), encodeURIComponent(secret)] as const
      const formEncoded = encoded.map((text) => text.replaceAll('%20', '+'))
      for (const [name = '', password = ''] of [[encodeURIComponent(id), secret], encoded, formEncoded])
        expect((await askForToken(service, 'basic', [name, password])).json()).toMatchObject({ sub: id })
      for (const style of ['form', 'query'] as const)
        expect((await askForToken(service, style, [id, secret])).json()).toMatchObject({ sub: id })
    },
  )
})
