// Who did what: the lines of the audit log for requests, by its level.
import { describe, expect, test } from 'vitest'
import { revokeClient } from '../../src/auth/clients/clients.ts'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { agentToken, bearer, serviceToken, signToken } from '../support/tokens.ts'
import { addClient, agentClient, askForToken, tokenUrl } from './support/oauth.ts'

const security = await startTestApp()
const writes = await startTestApp({ AUDIT_LOG: 'writes' })
const all = await startTestApp({
  AUDIT_LOG: 'all',
  TRUSTED_PROXIES: '127.0.0.1',
  TOKEN_FAILURES_PER_CLIENT: '3',
})
const off = await startTestApp({ AUDIT_LOG: 'off' })
type App = typeof all

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const requestId = expect.stringMatching(/^[\w-]{36}$/)
const origin = { time, requestId, address: '127.0.0.1' }

/** Returns the lines that the work causes, parsed. */
async function linesOf(app: App, work: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const before = app.audited.length
  await work()
  return app.audited.slice(before).map((line) => {
    expect(line).toMatch(/^[^\n]+\n$/)
    return JSON.parse(line)
  })
}

const create = (app: App, token: string, body: object = {}) => app.call(token, 'POST', '', body)

describe('a token request is recorded when', () => {
  const grant = { grant_type: 'client_credentials' }

  test('it is granted, with the id of the token', async () => {
    const credentials = await addClient(security, agentClient('granted'), 'secret')
    let jti = ''
    const lines = await linesOf(security, async () => {
      jti = (
        await askForToken(security, 'form', credentials, { ...grant, scope: 'interactions:read' })
      ).json().jti
    })
    expect(lines).toEqual([
      {
        ...origin,
        event: 'token.granted',
        client: 'granted',
        organization: 'acme',
        scopes: ['interactions:read'],
        token: jti,
      },
    ])
  })

  test('it is refused, with the id of a client that exists, and the reason', async () => {
    await addClient(all, agentClient('known'), 'right')
    await addClient(all, agentClient('gone'), 'right')
    await revokeClient(all.database.kysely, 'gone')
    const refusal = { ...origin, event: 'token.refused' }
    // each from its own address: lines of one address are limited together
    const refusedAs = (given: Record<string, string>, n: number) =>
      linesOf(all, () =>
        all.inject({
          method: 'POST',
          url: tokenUrl,
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'x-forwarded-for': `192.0.2.${n}`,
          },
          payload: query(given).slice(1),
        }),
      )
    const from = (n: number) => ({ ...refusal, address: `192.0.2.${n}` })
    const known = { client_id: 'known', client_secret: 'right', ...grant }
    expect(await refusedAs({ ...known, client_secret: 'wrong' }, 1)).toEqual([
      { ...from(1), error: 'invalid_client', reason: 'wrong secret', client: 'known' },
    ])
    expect(await refusedAs({ ...known, client_id: 'gone' }, 2)).toEqual([
      { ...from(2), error: 'invalid_client', reason: 'revoked client', client: 'gone' },
    ])
    // an id that does not exist may be a secret
    expect(await refusedAs({ ...known, client_id: 'my-secret' }, 3)).toEqual([
      { ...from(3), error: 'invalid_client', reason: 'unknown client' },
    ])
    expect(await refusedAs(grant, 4)).toEqual([
      { ...from(4), error: 'invalid_client', reason: 'Bad client credentials' },
    ])
    expect(await refusedAs({ ...known, scope: 'admin' }, 5)).toEqual([
      {
        ...from(5),
        error: 'invalid_scope',
        reason: expect.any(String),
        client: 'known',
        organization: 'acme',
      },
    ])
    expect(await refusedAs({ ...known, grant_type: 'password' }, 6)).toMatchObject([
      { error: 'unsupported_grant_type', client: 'known' },
    ])
    const guesses = await linesOf(all, async () => {
      for (let n = 0; n < 4; n++) await askForToken(all, 'basic', ['known', 'wrong'])
    })
    expect(guesses.map(({ event }) => event)).toContain('token.throttled')
  })

  test('it has another method, or the service fails: not at all', async () => {
    expect(await linesOf(security, () => security.inject({ url: tokenUrl }))).toEqual([])
  })
})

describe('a request is recorded when', () => {
  const path = '/rtc-api/interactions/:interactionId'

  test.each([
    ['it has no token', {}, 'unauthorized'],
    ['its token has a wrong signature', bearer(`${agentToken().slice(0, -8)}AAAAAAAA`), 'invalid_token'],
    ['its token has expired', bearer(signToken({ sub: 'a', organization: 'acme', exp: 1 })), 'invalid_token'],
  ])('%s', async (_, headers, error) => {
    const app = await startTestApp()
    const lines = await linesOf(app, () => app.inject({ url: '/rtc-api/interactions/x', headers }))
    expect(lines).toEqual([
      {
        ...origin,
        event: 'request.unauthenticated',
        method: 'GET',
        route: path,
        error,
        reason: expect.any(String),
      },
    ])
    expect(await linesOf(app, () => app.inject({ url: '/rtc-api/nothing?access_token=x', headers }))).toEqual(
      [{ ...origin, event: 'request.unauthenticated', method: 'GET', error, reason: expect.any(String) }],
    )
  })

  test('it is forbidden, with the caller', async () => {
    await create(security, agentToken('globex'), { interactionId: 'of-globex' })
    const forbidden = { ...origin, event: 'request.forbidden' }
    const other = { caller: 'agent-1', organization: 'acme', interaction: 'of-globex', route: path }
    expect(await linesOf(security, () => security.call(agentToken(), 'GET', '/of-globex'))).toEqual([
      { ...forbidden, ...other, method: 'GET', error: 'forbidden', reason: expect.any(String) },
    ])
    const body = { type: 'x' }
    expect(await linesOf(security, () => security.call(agentToken(), 'PUT', '/of-globex', body))).toEqual([
      { ...forbidden, ...other, method: 'PUT', error: 'forbidden', reason: expect.any(String) },
    ])
    const reader = signToken({ sub: 'reader', organization: 'acme', scope: 'interactions:read' })
    expect(await linesOf(security, () => create(security, reader))).toEqual([
      {
        ...forbidden,
        caller: 'reader',
        organization: 'acme',
        method: 'POST',
        route: '/rtc-api/interactions',
        error: 'insufficient_scope',
        reason: 'The token must have the scope interactions:write.',
      },
    ])
    const neither = signToken({ sub: 'neither' })
    expect(await linesOf(security, () => create(security, neither))).toMatchObject([
      { event: 'request.forbidden', error: 'forbidden' },
    ])
  })

  test('by default it does not change anything: not at all', async () => {
    const lines = await linesOf(security, async () => {
      const { interactionId } = (await create(security, agentToken())).json()
      await security.call(agentToken(), 'PUT', `/${interactionId}`, { type: 'x' })
      await security.call(agentToken(), 'GET', `/${interactionId}`)
      await security.call(agentToken(), 'GET', query(always))
    })
    expect(lines).toEqual([])
  })
})

describe.each([
  ['writes', writes],
  ['all', all],
])('at the level %s', (_, app) => {
  test('each creation is recorded, and none that fails', async () => {
    const made = { ...origin, event: 'interaction.created' }
    let id = ''
    expect(
      await linesOf(app, async () => {
        id = (await create(app, agentToken(), { organizationId: 'ignored' })).json().interactionId
      }),
    ).toEqual([{ ...made, caller: 'agent-1', organization: 'acme', interaction: expect.any(String) }])
    expect(id).not.toBe('')
    expect(JSON.parse(app.audited.at(-1) ?? '').interaction).toBe(id)
    const odd = 'a/b c?ü\n"😀%2F'
    const body = { interactionId: odd, organizationId: 'globex' }
    expect(await linesOf(app, () => create(app, serviceToken(), body))).toEqual([
      { ...made, caller: 'service-1', organization: 'globex', interaction: odd },
    ])
    // a duplicate, and an organization that is missing
    for (const refused of [body, {}])
      expect(await linesOf(app, () => create(app, serviceToken(), refused))).toEqual([])
  })

  test('each update is recorded, and none that fails or changes nothing', async () => {
    await create(app, agentToken(), { interactionId: 'updated' })
    const update = (body: object, id = 'updated') =>
      linesOf(app, () => app.call(agentToken(), 'PUT', `/${id}`, body))
    const line = {
      ...origin,
      event: 'interaction.updated',
      caller: 'agent-1',
      organization: 'acme',
      interaction: 'updated',
    }
    expect(await update({ type: 'x' })).toEqual([line])
    expect(await update({ data: {} })).toEqual([line])
    expect(await update({})).toEqual([])
    expect(await update({ version: 2 })).toEqual([])
    expect(await update({ type: 'y', version: 0 })).toEqual([])
    expect(await update({ type: 'y' }, 'none')).toEqual([])
  })
})

describe('reads are recorded', () => {
  const reads = (app: App) =>
    linesOf(app, async () => {
      for (const method of ['GET', 'HEAD'] as const)
        await app.inject({ method, url: '/rtc-api/interactions/read', headers: bearer(agentToken()) })
      await app.call(agentToken(), 'GET', '/none')
      await app.call(serviceToken(), 'GET', query({ ...always, organizationId: 'acme', customerId: 'c-17' }))
      await app.inject({
        url: `/rtc-api/interactions${query(always)}`,
        headers: { ...bearer(agentToken()), accept: 'text/csv' },
      })
    })

  test('at the level all, without what was searched for', async () => {
    await create(all, agentToken(), { interactionId: 'read' })
    const agent = { ...origin, caller: 'agent-1', organization: 'acme' }
    expect(await reads(all)).toEqual([
      { ...agent, event: 'interaction.read', interaction: 'read' },
      { ...agent, event: 'interaction.read', interaction: 'read' },
      { ...agent, event: 'interaction.searched', caller: 'service-1' },
      { ...agent, event: 'interaction.searched' },
    ])
  })

  test('at no other level', async () => {
    for (const app of [writes, security, off]) {
      await create(app, agentToken(), { interactionId: 'read' })
      expect(await reads(app)).toEqual([])
    }
  })
})

test('with AUDIT_LOG=off nothing is recorded', async () => {
  const credentials = await addClient(off, agentClient('granted'), 'secret')
  await askForToken(off, 'form', credentials)
  await askForToken(off, 'form', ['granted', 'wrong'])
  await off.inject({ url: '/rtc-api/interactions/x' })
  expect(off.audited).toEqual([])
})

test('a line has the request id of the caller, and no text of a caller can start another line', async () => {
  const subject = 'O"Neil\n{"event":"forged"}\u2028'
  const lines = await linesOf(all, () =>
    all.inject({
      method: 'POST',
      url: '/rtc-api/interactions',
      headers: {
        ...bearer(signToken({ sub: subject, organization: 'a\r\nb' })),
        'content-type': 'application/json',
        'x-request-id': 'asked-by-me',
      },
      payload: '{"interactionId":"x\\n{}\\r"}',
    }),
  )
  expect(lines).toMatchObject([
    { caller: subject, organization: 'a\r\nb', interaction: 'x\n{}\r', requestId: 'asked-by-me' },
  ])
})

test('no line has a secret, a token or data', async () => {
  const credentials = await addClient(all, agentClient('secretive'), 'r1ght-S3cret')
  const { access_token: token } = (await askForToken(all, 'query', credentials)).json()
  for (const secret of ['r1ght-S3cret', 'wr0ng-S3cret'])
    for (const id of ['secretive', 'S3cret-id'])
      for (const style of ['basic', 'form', 'query'] as const) await askForToken(all, style, [id, secret])
  await create(all, token, { interactionId: 'secretive', data: { customerId: 'S3cret-customer' } })
  await all.call(token, 'PUT', '/secretive', { data: { customerId: 'S3cret-customer' } })
  await all.call(token, 'GET', query({ ...always, customerId: 'S3cret-customer' }))
  await all.inject({ url: `/rtc-api/S3cret-path?access_token=${token}&client_secret=S3cret` })
  await all.inject({ url: '/rtc-api/interactions', headers: { authorization: 'Bearer S3cret' } })
  const text = all.audited.join('')
  expect(text).toContain('"interaction":"secretive"')
  expect(text).not.toContain('S3cret')
  for (const part of token.split('.')) expect(text).not.toContain(part)
})

describe('a flood of requests without a token', () => {
  const flood = async (app: App, addresses: readonly string[]) =>
    linesOf(app, async () => {
      for (const address of addresses)
        await app.inject({ url: '/rtc-api/interactions', headers: { 'x-forwarded-for': address } })
    })
  const proxied = () => startTestApp({ TRUSTED_PROXIES: '127.0.0.1' })

  test('from one address, or one IPv6 network, writes five lines', async () => {
    const app = await proxied()
    expect(
      await flood(
        app,
        Array.from({ length: 200 }, () => '192.0.2.1'),
      ),
    ).toHaveLength(5)
    expect(
      await flood(
        app,
        Array.from({ length: 200 }, (_, n) => `2001:db8::${n}`),
      ),
    ).toHaveLength(5)
    // others are still recorded
    expect(await flood(app, ['192.0.2.2'])).toHaveLength(1)
  })

  test('from a thousand addresses writes a line for 50 of them, and does not hide callers with a token', async () => {
    const app = await proxied()
    const addresses = Array.from({ length: 1000 }, (_, n) => `192.0.${n >> 8}.${n & 255}`)
    expect(await flood(app, addresses)).toHaveLength(50)
    const reader = signToken({ sub: 'reader', organization: 'acme', scope: 'interactions:read' })
    expect(await linesOf(app, () => create(app, reader))).toHaveLength(1)
  })
})
