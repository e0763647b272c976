// What callers see when the coordinator loses a machine: that is transient, as a lost connection is.
import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { startTestApp } from '../support/app.ts'
import { limitAsCitus, type MachineLoss } from '../support/citus-limits.ts'
import { cloneDatabase } from '../support/database.ts'
import { always, storeInteractions } from '../support/make.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { criteriaOf } from '../support/search.ts'
import { agentToken } from '../support/tokens.ts'

const { url, database: direct } = await cloneDatabase()
const limits = await limitAsCitus(url)
const settings = { ...testDatabaseSettings, url: limits.url, retryTimeoutMs: 1000 }
const database = openDatabase(settings, () => {})
const { call } = await startTestApp({}, { url: limits.url, database })
const repository = interactionRepository(database, { keepsTotals: false })
afterAll(async () => {
  await database.close()
  await limits.close()
})
const token = agentToken()

/** Loses a machine for statements that match, until one has failed. */
async function loseOnce<Result>(
  pattern: RegExp,
  work: () => Promise<Result>,
  way?: MachineLoss,
): Promise<Result> {
  const before = limits.lost.length
  const restore = limits.loseMachine(pattern, way)
  const working = work()
  await expect.poll(() => limits.lost.length).toBeGreaterThan(before)
  restore()
  return working
}

test('a list that loses a machine in the middle continues, with each interaction once', async () => {
  const ids = Array.from({ length: 300 }, (_, index) => `row-${String(index).padStart(4, '0')}`)
  await storeInteractions(
    direct.kysely,
    ids.map((id, index) => ({
      id,
      organizationId: 'middle',
      createdBy: 'agent',
      createdAt: 1_700_000_000_000 + index,
      type: null,
      data: '{}',
      version: 0,
    })),
  )
  const rows = repository.scan(criteriaOf({ ...always, organizationId: 'middle' }), { direction: 'asc' })
  const found = ((await rows.next()).value ?? []).map(({ id }: { id: string }) => id)
  const rest = async () => {
    for await (const batch of rows) found.push(...batch.map(({ id }) => id))
  }
  await loseOnce(/\binteractions\b/, rest)
  expect(found).toEqual(ids)
})

test('a create, a read, a search and an update with a version are retried, and applied once', async () => {
  const id = randomUUID()
  const created = await loseOnce(/insert into interactions/, () =>
    call(token, 'POST', '', { interactionId: id, data: { customerId: id } }),
  )
  expect(created.json()).toEqual({ interactionId: id, version: 0 })
  const read = await loseOnce(/from "interactions"/, () => call(token, 'GET', `/${id}`))
  expect(read.json()).toMatchObject({ id, version: 0 })
  const updated = await loseOnce(/update interactions/, () =>
    call(token, 'PUT', `/${id}`, { type: 'chat', version: 0 }),
  )
  expect(updated.statusCode).toBe(204)
  const listed = await loseOnce(/interactions/, () =>
    call(token, 'GET', `?start=${always.start}&end=${always.end}&customerId=${id}`),
  )
  expect(listed.json()).toMatchObject({ totalElements: 1, content: [{ id, version: 1 }] })
})

test('an update without a version gets 503: it may have been applied', async () => {
  const { interactionId } = (await call(token, 'POST', '', {})).json()
  const reply = await loseOnce(/update interactions/, () =>
    call(token, 'PUT', `/${interactionId}`, { type: 'chat' }),
  )
  expect([reply.statusCode, reply.headers['retry-after'], reply.json().error]).toEqual([
    503,
    '1',
    'unavailable',
  ])
})

test('an update without a version is retried when the machine could not be reached', async () => {
  const { interactionId } = (await call(token, 'POST', '', {})).json()
  const reply = await loseOnce(
    /update interactions/,
    () => call(token, 'PUT', `/${interactionId}`, { type: 'chat' }),
    'unreachable_machine',
  )
  expect(reply.statusCode).toBe(204)
  expect((await call(token, 'GET', `/${interactionId}`)).json()).toMatchObject({ type: 'chat', version: 1 })
})

test('while a machine stays lost, requests get 503 and no detail of it', async () => {
  const restore = limits.loseMachine(/interactions/)
  const replies = await Promise.all([
    call(token, 'GET', `/${randomUUID()}`),
    call(token, 'POST', '', {}),
    call(token, 'GET', `?start=${always.start}&end=${always.end}`),
  ])
  restore()
  for (const reply of replies) {
    expect([reply.statusCode, reply.json().error]).toEqual([503, 'unavailable'])
    expect(reply.body).not.toContain('10.0.0.2')
  }
  expect((await call(token, 'POST', '', {})).statusCode).toBe(200)
})
