// A create request with an Idempotency-Key may be repeated, and creates one interaction.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { expectErrors, expectProblem } from '../http/support/replies.ts'
import { startTestApp } from '../support/app.ts'
import { countInteractions } from '../support/make.ts'
import { agentToken, bearer, serviceToken } from '../support/tokens.ts'

const { inject, call, database } = await startTestApp()
const agent = agentToken()

function create(key: string, body: object | string = { type: 'chat', data: { n: 1 } }, token = agent) {
  return inject({
    method: 'POST',
    url: '/rtc-api/interactions',
    headers: { ...bearer(token), 'content-type': 'application/json', 'idempotency-key': key },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** Returns the parts of a response that are the same in every repetition. */
function responseOf({ statusCode, body, headers }: Awaited<ReturnType<typeof create>>) {
  const { location, etag, 'content-type': type } = headers
  return { statusCode, body, location, etag, type }
}

async function countCreated<Result>(act: () => Promise<Result>): Promise<[number, Result]> {
  const before = await countInteractions(database.kysely)
  const result = await act()
  return [(await countInteractions(database.kysely)) - before, result]
}

const ageKeys = (hours: number) =>
  sql`update idempotency_keys set created_at = now() - make_interval(hours => ${hours}::int)`.execute(
    database.kysely,
  )

const countKeys = async () =>
  (await database.kysely.selectFrom('idempotency_keys').selectAll().execute()).length

describe('the same key', () => {
  test('with the same body gets the same response, and creates one interaction', async () => {
    const key = randomUUID()
    const [count, [first, ...others]] = await countCreated(async () => [
      await create(key),
      await create(key),
      await create(key),
    ])
    expect(count).toBe(1)
    expect(first?.statusCode).toBe(200)
    expect(others.map(responseOf)).toEqual(others.map(() => first && responseOf(first)))
    expect((await call(agent, 'GET', `/${first?.json().interactionId}`)).json()).toMatchObject({
      type: 'chat',
      data: { n: 1 },
      organizationId: 'acme',
      createdBy: 'agent-1',
      version: 0,
    })
  })

  test('gets the same response after the interaction was updated', async () => {
    const key = randomUUID()
    const first = await create(key)
    await call(agent, 'PUT', `/${first.json().interactionId}`, { type: 'video' })
    expect(responseOf(await create(key))).toEqual(responseOf(first))
  })

  test.each([
    { type: 'video', data: { n: 1 } },
    { type: 'chat', data: { n: 2 } },
    '{"type":"chat","data":{"n":1.0}}',
    { data: { n: 1 } },
    { type: 'chat' },
  ])('with another body gets 422, and creates nothing: %j', async (body) => {
    const key = randomUUID()
    const first = await create(key)
    const [count, reply] = await countCreated(() => create(key, body))
    expectProblem(reply, 422, 'idempotency_key_reused')
    expect(count).toBe(0)
    expect(responseOf(await create(key))).toEqual(responseOf(first))
  })

  test('with an equivalent body gets the same response', async () => {
    const key = randomUUID()
    const first = await create(key)
    const again = await create(
      key,
      '{ "data": {"n":1}, "unknown": 5, "interactionId": null, "type": "chat" }',
    )
    expect(responseOf(again)).toEqual(responseOf(first))
  })

  test('may be quoted or not', async () => {
    const first = await create('"a-key/of:mine"')
    expect(responseOf(await create('a-key/of:mine'))).toEqual(responseOf(first))
  })

  test('is a different key for another organization, user or role', async () => {
    const key = randomUUID()
    const body = { organizationId: 'acme' }
    const tokens = [
      agent,
      agentToken('globex'),
      agentToken('acme', 'agent-2'),
      serviceToken('agent-1'),
      serviceToken(),
    ]
    const [count, replies] = await countCreated(() =>
      Promise.all(tokens.map((token) => create(key, body, token))),
    )
    expect(replies.map(({ statusCode }) => statusCode)).toEqual(tokens.map(() => 200))
    expect(count).toBe(5)
    expect((await call(agentToken('globex'), 'GET', `/${replies[1]?.json().interactionId}`)).statusCode).toBe(
      200,
    )
  })

  test('gets 422 when a service sends another organizationId', async () => {
    const key = randomUUID()
    await create(key, { organizationId: 'acme' }, serviceToken())
    expectProblem(
      await create(key, { organizationId: 'globex' }, serviceToken()),
      422,
      'idempotency_key_reused',
    )
  })

  test('can be used again after a rejected request', async () => {
    const key = randomUUID()
    expectErrors(await create(key, { data: 5 }), 'data')
    expectErrors(await create(key, '{"data":{"a":"\\u0000"}}'), 'data')
    expect((await create(key)).statusCode).toBe(200)
  })

  test('can be used again after 24 hours, and not before', async () => {
    const key = randomUUID()
    const first = await create(key)
    await ageKeys(23)
    expect(responseOf(await create(key))).toEqual(responseOf(first))
    await ageKeys(25)
    const second = await create(key, { type: 'video' })
    expect(second.statusCode).toBe(200)
    expect(second.json().interactionId).not.toBe(first.json().interactionId)
    expect(responseOf(await create(key, { type: 'video' }))).toEqual(responseOf(second))
  })
})

describe('at the same time', () => {
  const twenty = Array.from({ length: 20 }, (_, n) => n)

  test.each(twenty.slice(0, 5))(
    '20 requests with one key get the same response, and create one interaction (round %i)',
    async () => {
      const key = randomUUID()
      const [count, replies] = await countCreated(() => Promise.all(twenty.map(() => create(key))))
      expect(count).toBe(1)
      expect(new Set(replies.map((reply) => JSON.stringify(responseOf(reply)))).size).toBe(1)
    },
  )

  test('20 requests with one key and different bodies create one interaction, and the others get 422', async () => {
    const key = randomUUID()
    const [count, replies] = await countCreated(() =>
      Promise.all(twenty.map((n) => create(key, { data: { n } }))),
    )
    const statuses = replies.map(({ statusCode }) => statusCode).sort()
    expect([count, statuses]).toEqual([1, [200, ...twenty.slice(1).map(() => 422)]])
  })

  test('different keys and requests without a key create one interaction each, an expired key creates one', async () => {
    const used = randomUUID()
    await create(used)
    await ageKeys(25)
    const [count, replies] = await countCreated(() =>
      Promise.all([
        ...twenty.map(() => create(randomUUID())),
        ...twenty.map(() => create(used)),
        ...twenty.map(() => call(agent, 'POST', '', {})),
      ]),
    )
    expect(replies.map(({ statusCode }) => statusCode)).toEqual(replies.map(() => 200))
    expect(count).toBe(41)
  })
})

describe('a key', () => {
  test.each([
    'k',
    '"k"',
    '"with space, comma; and \\"quotes\\" \\\\"',
    'x'.repeat(255),
    `"${'x'.repeat(255)}"`,
  ])('may be %s', async (key) => {
    expect((await create(key)).statusCode).toBe(200)
  })

  test.each([
    '',
    '""',
    ' ',
    'x'.repeat(256),
    `"${'x'.repeat(256)}"`,
    '"open',
    'a b',
    'a, b',
    '"a", "b"',
    '"a";p=1',
    '"\\n"',
    'é',
    '"é"',
    'x'.repeat(8000),
    `"${'\\'.repeat(8000)}`,
  ])('must not be %s', async (key) => {
    const [count, reply] = await countCreated(() => create(key))
    expectErrors(reply, 'Idempotency-Key')
    expect(count).toBe(0)
  })

  test('that is malformed is reported once the body is valid', async () => {
    expectErrors(await create('a b', { type: 5, data: 5 }, serviceToken()), 'data', 'organizationId')
    expectErrors(await create('a b', { type: 5, data: {} }), 'Idempotency-Key')
  })

  test('has no effect in a request with an interactionId', async () => {
    const body = { interactionId: randomUUID() }
    expect((await create('a b', body)).statusCode).toBe(200)
    expectProblem(await create('a b', body), 409, 'conflict')
  })

  test('is stored only as a hash', async () => {
    await create('my-secret-key')
    const { rows } = await sql<{
      text: string
    }>`select encode(key || fingerprint, 'escape') as text from idempotency_keys`.execute(database.kysely)
    expect(rows.map(({ text }) => text).join()).not.toMatch(/my-secret-key|agent-1|acme|chat/)
  })
})

test('creations with other keys remove expired keys in steps', async () => {
  await sql`
    insert into idempotency_keys (key, fingerprint, interaction_id, created_at)
    select sha256(n::text::bytea), '', n::text, now() - interval '25 hours' from generate_series(1, 500) as n`.execute(
    database.kysely,
  )
  await ageKeys(25)
  const before = await countKeys()
  await create(randomUUID())
  const after = await countKeys()
  expect(after).toBeGreaterThan(1)
  expect(after).toBeLessThan(before - 100)
  while ((await countKeys()) > 10) await create(randomUUID())
})
