// A write or a read of one row is a statement that goes to the one machine that has the row, by a plan that is kept.
import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { startTestApp } from '../support/app.ts'
import { limitAsCitus } from '../support/citus-limits.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { agentToken, bearer } from '../support/tokens.ts'

const { url } = await cloneDatabase()
const limits = await limitAsCitus(url)
const database = openDatabase({ ...testDatabaseSettings, url: limits.url }, () => {})
const { call, inject } = await startTestApp({}, { url: limits.url, database })
afterAll(async () => {
  await database.close()
  await limits.close()
})
const token = agentToken()

/** Returns the statements on interactions that were sent since the last call, each once. */
function sentStatements(): string[] {
  const sent = limits.statements.splice(0).filter((text) => /\binteractions\b/.test(text))
  return [...new Set(sent)].map((text) => text.replaceAll(/\s+/g, ' ').trim())
}

/** What Citus plans once for all values of its parameters. */
const isOfOneRow = (text: string) =>
  !/\b(with|unnest|any|join)\b|\(\s*select\b/.test(text) &&
  (/^insert into interactions \([^)]*\) values \(\$1, /.test(text) ||
    /\bwhere "?id"? = \$\d+( and |$| returning )/.test(text))

test('creates, reads and updates of many callers are statements of one row', async () => {
  const ids = Array.from({ length: 20 }, () => randomUUID())
  const every = <Result>(run: (id: string) => Promise<Result>) => Promise.all(ids.map(run))
  const created = await every((id) =>
    call(token, 'POST', '', { interactionId: id, data: { customerId: id } }),
  )
  const updated = await every((id) => call(token, 'PUT', `/${id}`, { type: 'chat', version: 0 }))
  const stale = await every((id) => call(token, 'PUT', `/${id}`, { type: 'chat', version: 0 }))
  const unchanged = await every((id) => call(token, 'PUT', `/${id}`, { version: 1 }))
  const read = await every((id) => call(token, 'GET', `/${id}`))
  const duplicate = await every((id) => call(token, 'POST', '', { interactionId: id }))
  expect(
    [created, updated, stale, unchanged, read, duplicate].map(
      (replies) => new Set(replies.map((reply) => reply.statusCode)),
    ),
  ).toEqual([200, 204, 409, 204, 200, 409].map((status) => new Set([status])))
  const statements = sentStatements()
  expect(statements).toHaveLength(4)
  expect(statements.filter((text) => !isOfOneRow(text))).toEqual([])
})

test('a creation with an idempotency key writes the key on the coordinator, and one row', async () => {
  const create = () =>
    inject({
      method: 'POST',
      url: '/rtc-api/interactions',
      headers: { ...bearer(token), 'content-type': 'application/json', 'idempotency-key': '"one"' },
      payload: { data: { customerId: 'c' } },
    })
  const [first, second] = [await create(), await create()]
  expect([first.statusCode, second.statusCode]).toEqual([200, 200])
  expect(second.json()).toEqual(first.json())
  expect(sentStatements().filter((text) => !isOfOneRow(text))).toEqual([])
})

test('the triggers promote what is created and updated', async () => {
  const search = async (customerId: string) =>
    (
      await call(
        token,
        'GET',
        `?start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z&customerId=${customerId}`,
      )
    ).json().totalElements
  const { interactionId } = (await call(token, 'POST', '', { data: { customerId: 'before' } })).json()
  expect([await search('before'), await search('after')]).toEqual([1, 0])
  await call(token, 'PUT', `/${interactionId}`, { data: { customerId: 'after' } })
  expect([await search('before'), await search('after')]).toEqual([0, 1])
})
