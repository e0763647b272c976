// Pages whose data are too large to hold at once.
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer } from '../support/tokens.ts'

const { app, call, database } = await startTestApp()
const agent = agentToken()
const range = 'start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z'

/** So many interactions of so many bytes, each with another character of three bytes. */
async function store(type: string, count: number, bytes: number): Promise<void> {
  await sql`
    insert into interactions (id, organization_id, created_by, type, data)
    select ${type} || '-' || n, 'acme', 'agent-1', ${type},
           json_build_object('text', repeat(chr(8364 + n), ${bytes / 3}::int))
    from generate_series(1, ${count}::int) as n`.execute(database.kysely)
}

test('a page of 60 MB is complete, in order, and each interaction its own', async () => {
  await store('large', 60, 999_999)
  await store('small', 3, 99)
  const reply = await call(agent, 'GET', `?${range}&size=100&sort=type,asc&sort=createdAt,asc`)
  expect(reply.statusCode).toBe(200)
  const { content, totalElements, numberOfElements } = reply.json()
  expect([totalElements, numberOfElements, content.length]).toEqual([63, 63, 63])
  const ids = content.map(({ id }: { id: string }) => id)
  expect(ids).toEqual([...ids].sort((a, b) => (a < b ? -1 : 1)))
  for (const { id, data } of content) {
    const [type = '', n] = id.split('-')
    expect(data.text).toBe(String.fromCharCode(8364 + Number(n)).repeat(type === 'large' ? 333_333 : 33))
  }
})

test('a page of more than a JavaScript string can hold is answered', async () => {
  await store('huge', 600, 999_999)
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })
  const response = await fetch(`${baseUrl}/rtc-api/interactions?${range}&type=huge&size=600`, {
    headers: bearer(agent),
  })
  expect(response.status).toBe(200)
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.length
  expect(bytes).toBeGreaterThan(600 * 999_999)
})
