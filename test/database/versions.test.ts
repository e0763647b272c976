// Which fields an update changes, and how its version is checked (contract §5).
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'

const { call } = await startTestApp()
const agent = agentToken('acme')
const other = agentToken('globex')

const original = { type: 'audio', data: { a: 1, b: { c: 2 } } }

describe('an update with type or data', () => {
  test.each([
    ['type', { type: 'video' }, { type: 'video', data: original.data }],
    ['data', { data: { x: 1 } }, { type: 'audio', data: { x: 1 } }],
    ['both', { type: 'video', data: {} }, { type: 'video', data: {} }],
    ['the same type', { type: original.type }, original],
    ['the same data', { data: original.data }, original],
    ['the same of both', original, original],
    ['type, with null for data', { type: 'video', data: null }, { type: 'video', data: original.data }],
    ['data, with null for type', { type: null, data: { x: 1 } }, { type: 'audio', data: { x: 1 } }],
  ])('%s: changes only that and adds 1 to the version', async (_, body, expected) => {
    const id = await create()
    expect(await put(id, body)).toBe(204)
    expect(await read(id)).toMatchObject({ ...expected, version: 1 })
    expect((await read(id)).data).toEqual(expected.data)
  })

  test('adds 1 each time', async () => {
    const id = await create()
    for (let version = 1; version <= 5; version++) {
      expect(await put(id, { type: 'chat', version: version - 1 })).toBe(204)
      expect((await read(id)).version).toBe(version)
    }
  })

  test('replaces the data and does not merge it', async () => {
    const id = await create()
    await put(id, { data: { b: {} } })
    expect((await read(id)).data).toEqual({ b: {} })
  })

  test('sets the type of an interaction without a type', async () => {
    const id = randomUUID()
    await call(agent, 'POST', '', { interactionId: id })
    expect(await read(id)).not.toHaveProperty('type')
    await put(id, { type: 'chat' })
    expect(await read(id)).toMatchObject({ type: 'chat', data: {}, version: 1 })
  })

  test('returns 204 without a body', async () => {
    const reply = await call(agent, 'PUT', `/${await create()}`, { type: 'chat' })
    expect(reply.statusCode).toBe(204)
    expect(reply.body).toBe('')
    expect(reply.headers).not.toHaveProperty('content-type')
  })

  test('does not change the id, organization, creator or creation time', async () => {
    const id = await create()
    const before = await read(id)
    const body = {
      type: 'chat',
      id: 'x',
      organizationId: 'globex',
      createdBy: 'x',
      createdAt: '2001-01-01T00:00:00Z',
    }
    expect(await put(id, body, serviceToken('another'))).toBe(204)
    expect(await read(id)).toEqual({ ...before, type: 'chat', version: 1 })
  })
})

describe('an update with neither type nor data', () => {
  test.each([
    {},
    { type: null, data: null },
    { version: null },
    { version: 3 },
    { version: '3' },
    { other: 1 },
  ])('changes nothing and returns 204: %j', async (body) => {
    const { id, before } = await createAtVersion3()
    expect(await put(id, body)).toBe(204)
    expect(await read(id)).toEqual(before)
  })

  test.each([2, 4, 0, -1])('still has its version checked: %j', async (version) => {
    const { id, before } = await createAtVersion3()
    expect(await put(id, { version })).toBe(409)
    expect(await read(id)).toEqual(before)
  })
})

describe('the version of an update', () => {
  test.each([0, 2, 4, 300, -3, '2', '9223372036854775807', '-9223372036854775808'])(
    'gets 409 and changes nothing if it differs from the stored one: %j',
    async (version) => {
      const { id, before } = await createAtVersion3()
      expect(await put(id, { type: 'video', data: { x: 1 }, version })).toBe(409)
      expect(await read(id)).toEqual(before)
    },
  )

  test.each(['9007199254740993', '9007199254740992', '9223372036854775807'])(
    'is compared with all its digits: %s',
    async (version) => {
      const { id, before } = await createAtVersion3()
      expect(await put(id, `{"type":"video","version":${version}}`)).toBe(409)
      expect(await read(id)).toEqual(before)
    },
  )

  test('beyond int64 is rejected with an error for version', async () => {
    const { id, before } = await createAtVersion3()
    const reply = await call(agent, 'PUT', `/${id}`, '{"type":"video","version":9223372036854775808}')
    expect(reply.statusCode).toBe(400)
    expect(Object.keys(reply.json())).toEqual(['version'])
    expect(await read(id)).toEqual(before)
  })

  test.each([3, '3', ' 3 ', null])('may be the stored one or null: %j', async (version) => {
    const { id } = await createAtVersion3()
    expect(await put(id, { type: 'video', version })).toBe(204)
    expect(await read(id)).toMatchObject({ type: 'video', version: 4 })
  })

  test('is not accepted again after an update has increased it', async () => {
    const id = await create()
    expect(await put(id, { type: 'chat', version: 0 })).toBe(204)
    expect(await put(id, { type: 'chat', version: 0 })).toBe(409)
    expect(await put(id, { type: 'chat', version: 1 })).toBe(204)
    expect((await read(id)).version).toBe(2)
  })
})

describe('the errors of an update have this precedence', () => {
  const bodies = [
    {},
    { type: 'video' },
    { type: 'video', version: 0 },
    { type: 'video', version: 99 },
    { version: 99 },
  ]

  test.each(bodies)('404 for an unknown id, with any version: %j', async (body) => {
    expect(await put(randomUUID(), body)).toBe(404)
    expect(await put(randomUUID(), body, serviceToken())).toBe(404)
  })

  test.each(bodies)('403 for an interaction of another organization, with any version: %j', async (body) => {
    const { id, before } = await createAtVersion3()
    expect(await put(id, body, other)).toBe(403)
    expect(await read(id)).toEqual(before)
  })

  test('409 only for a caller that may update', async () => {
    const { id } = await createAtVersion3()
    const stale = { type: 'video', version: 1 }
    expect(await Promise.all([agent, other, serviceToken()].map((token) => put(id, stale, token)))).toEqual([
      409, 403, 409,
    ])
  })
})

async function create(): Promise<string> {
  const id = randomUUID()
  const reply = await call(agent, 'POST', '', { interactionId: id, ...original })
  expect(reply.json()).toEqual({ interactionId: id, version: 0 })
  return id
}

async function createAtVersion3() {
  const id = await create()
  for (const version of [0, 1, 2]) await put(id, { data: original.data, version })
  const before = await read(id)
  expect(before).toMatchObject({ ...original, version: 3 })
  return { id, before }
}

async function put(id: string, body: unknown, token = agent): Promise<number> {
  return (await call(token, 'PUT', `/${id}`, body)).statusCode
}

async function read(id: string) {
  const reply = await call(agent, 'GET', `/${id}`)
  expect(reply.statusCode).toBe(200)
  return reply.json()
}
