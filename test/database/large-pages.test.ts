// Pages whose data is too large to hold in memory at once.
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { isThorough } from '../support/amount.ts'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer } from '../support/tokens.ts'

const { app, call, database } = await startTestApp()
const agent = agentToken()
const range = 'start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z'

/** Stores `count` interactions, each with `length` times a character: the given one, or one of 50 in turn. */
async function store(type: string, count: number, length: number, character?: string): Promise<void> {
  await sql`
    insert into interactions (id, organization_id, created_by, type, data)
    select ${type} || '-' || n, 'acme', 'agent-1', ${type},
           json_build_object('text', repeat(coalesce(${character}::text, chr(8364 + n % 50)), ${length}::int))
    from generate_series(1, ${count}::int) as n`.execute(database.kysely)
}

test('a page of 60 MB is complete and in order, and each interaction has its own data', async () => {
  await store('large', 60, 333_333)
  await store('small', 3, 33)
  const reply = await call(agent, 'GET', `?${range}&size=100&sort=id,asc`)
  expect(reply.statusCode).toBe(200)
  const { content, totalElements, numberOfElements } = reply.json()
  expect([totalElements, numberOfElements, content.length]).toEqual([63, 63, 63])
  const ids = content.map(({ id }: { id: string }) => id)
  expect(ids).toEqual([...ids].sort((a, b) => (a < b ? -1 : 1)))
  for (const { id, data } of content) {
    const [type = '', n] = id.split('-')
    expect(data.text).toBe(
      String.fromCharCode(8364 + (Number(n) % 50)).repeat(type === 'large' ? 333_333 : 33),
    )
  }
})

// in continuous integration only: the page of 540 MB takes 10 s
test.runIf(isThorough)('a page larger than the longest JavaScript string is sent', async () => {
  // the longest string has 536,870,888 characters
  await store('huge', 1, 1_000_000, 'A')
  // Copying a stored row takes less time than parsing and compressing each value.
  await sql`alter table interactions disable trigger user`.execute(database.kysely)
  await sql`
    insert into interactions
      (id, organization_id, created_by, type, data, media_recorded, cobrowse_recorded, tags_beyond_index)
    select 'huge-' || n, organization_id, created_by, type, data, media_recorded, cobrowse_recorded, tags_beyond_index
    from interactions, generate_series(2, 540) as n where id = 'huge-1'`.execute(database.kysely)
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })
  const response = await fetch(`${baseUrl}/rtc-api/interactions?${range}&type=huge&size=540`, {
    headers: bearer(agent),
  })
  expect(response.status).toBe(200)
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.length
  expect(bytes).toBeGreaterThan(540 * 1_000_000)
})
