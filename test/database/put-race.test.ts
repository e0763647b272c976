// Concurrent writers: with the same version one of them wins; without a version no update is lost.
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { countInteractions } from '../support/make.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'

const { call, database } = await startTestApp()
const tokens = [agentToken('acme', 'agent-1'), agentToken('acme', 'agent-2'), serviceToken()]
const agent = agentToken('acme')

const writers = Array.from({ length: 50 }, (_, writer) => writer)
const rounds = Array.from({ length: 4 }, (_, round) => round)

describe('50 concurrent updates', () => {
  test.each(rounds)('with the same version: one gets 204 and is stored, 49 get 409 (round %i)', async () => {
    const id = await create()
    for (const version of [0, 1, 2]) {
      const statuses = await race((writer) => put(id, writer, { data: { writer }, version }))
      expect(count(statuses, 204)).toBe(1)
      expect(count(statuses, 409)).toBe(49)
      const winner = statuses.indexOf(204)
      expect(await read(id)).toMatchObject({ data: { writer: winner }, version: version + 1 })
    }
  })

  test.each(rounds)('without a version: all get 204, and the version grows by 50 (round %i)', async () => {
    const id = await create()
    const statuses = await race((writer) => put(id, writer, { data: { writer } }))
    expect(count(statuses, 204)).toBe(50)
    expect((await read(id)).version).toBe(50)
  })

  test('of type and of data, without a version: neither overwrites the other', async () => {
    const id = await create()
    const bodies = [{ type: 'video' }, { data: { writer: 'data' } }]
    const statuses = await race((writer) => put(id, writer, bodies[writer % 2]))
    expect(count(statuses, 204)).toBe(50)
    expect(await read(id)).toMatchObject({ type: 'video', data: { writer: 'data' }, version: 50 })
  })

  test('with neither type nor data: all get 204, and nothing changes', async () => {
    const id = await create()
    const statuses = await race((writer) => put(id, writer, { version: 0 }))
    expect(count(statuses, 204)).toBe(50)
    expect((await read(id)).version).toBe(0)
  })

  test('with and without the version: all without it are applied, and at most one with it', async () => {
    const id = await create()
    const statuses = await race((writer) =>
      put(id, writer, { data: { writer }, version: writer % 2 === 0 ? 0 : null }),
    )
    const applied = count(statuses, 204)
    expect(
      count(
        statuses.filter((_, writer) => writer % 2 === 1),
        204,
      ),
    ).toBe(25)
    expect(applied).toBeLessThanOrEqual(26)
    expect(count(statuses, 409)).toBe(50 - applied)
    expect((await read(id)).version).toBe(applied)
  })

  test('by writers that read the version and retry after 409: each is applied once', async () => {
    const id = await create()
    const increment = async (writer: number): Promise<number> => {
      const { data, version } = await read(id)
      const status = await put(id, writer, { data: { sum: (data.sum ?? 0) + 1 }, version })
      return status === 409 ? increment(writer) : status
    }
    await Promise.all(writers.slice(0, 10).map(increment))
    expect(await read(id)).toMatchObject({ data: { sum: 10 }, version: 10 })
  })
})

describe('50 concurrent creations', () => {
  test.each(rounds)('of one id: one gets 200 and is stored, 49 get 409 (round %i)', async () => {
    const id = randomUUID()
    const before = await countInteractions(database.kysely)
    const statuses = await race(async (writer) => {
      const body = { interactionId: id, organizationId: 'acme', data: { writer } }
      return (await call(token(writer), 'POST', '', body)).statusCode
    })
    expect(count(statuses, 200)).toBe(1)
    expect(count(statuses, 409)).toBe(49)
    expect(await read(id)).toMatchObject({ data: { writer: statuses.indexOf(200) }, version: 0 })
    expect(await countInteractions(database.kysely)).toBe(before + 1)
  })

  test('without an id: 50 interactions are created', async () => {
    const replies = await Promise.all(writers.map((writer) => call(agent, 'POST', '', { data: { writer } })))
    const ids = replies.map((reply) => reply.json().interactionId)
    expect(new Set(ids).size).toBe(50)
    const stored = await Promise.all(ids.map(read))
    expect(stored.map(({ data }) => data.writer)).toEqual(writers)
  })
})

const race = (write: (writer: number) => Promise<number>) => Promise.all(writers.map(write))
const count = (statuses: readonly number[], status: number) => statuses.filter((one) => one === status).length
const token = (writer: number) => tokens[writer % tokens.length] ?? agent

async function create(): Promise<string> {
  const id = randomUUID()
  await call(agent, 'POST', '', { interactionId: id, type: 'audio', data: {} })
  return id
}

async function put(id: string, writer: number, body: unknown): Promise<number> {
  return (await call(token(writer), 'PUT', `/${id}`, body)).statusCode
}

async function read(id: string) {
  return (await call(agent, 'GET', `/${id}`)).json()
}
