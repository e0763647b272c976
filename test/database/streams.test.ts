// The list as a stream of lines: every match once, exactly as stored.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { readMembers } from '../support/json-members.ts'
import { always, query, type StoredInteraction, storeInteractions } from '../support/make.ts'
import { agentToken, bearer, serviceToken } from '../support/tokens.ts'

const { database, databaseUrl, inject } = await startTestApp()
const { kysely } = database
const agent = agentToken()

beforeEach(async () => {
  await sql`truncate interactions`.execute(kysely)
})

const get = (accept: string, parameters: Parameters<typeof query>[0] = {}, token = agent) =>
  inject({
    url: `/rtc-api/interactions${query({ ...always, ...parameters })}`,
    headers: { ...bearer(token), accept },
  })

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '')
const idOf = (line: string): string => JSON.parse(line).id

/** Many rows share a creation time, so that batches end between equal times. Some rows are large. */
const rows = Array.from({ length: 1300 }, (_, n): StoredInteraction => {
  const text = 'x'.repeat(n % 100 === 7 ? 100_000 : n % 50)
  return {
    id: `id-${(n * 7919) % 1300}`,
    organizationId: n % 10 === 0 ? 'globex' : 'acme',
    createdBy: `agent-${n % 3}`,
    createdAt: Date.parse('2024-05-01T00:00:00Z') + Math.floor(n / 90),
    type: n % 4 === 0 ? null : (['audio', 'video', 'chat'][n % 3] ?? null),
    data: `{"customerId":"c-${n % 5}","tags":["t-${n % 6}"],"n":1.${n}0e0, "text":"${text}"}`,
    version: n % 7,
  }
})
const aRow: StoredInteraction = {
  id: 'one',
  organizationId: 'acme',
  createdBy: 'agent-1',
  createdAt: Date.parse('2024-05-01T00:00:00Z'),
  type: null,
  data: '{}',
  version: 0,
}

test.each([
  [{}, agent],
  [{ sort: 'createdAt,asc' }, agent],
  [{ sort: 'createdAt,desc' }, serviceToken()],
  [{ type: 'audio,video', userId: 'agent-1' }, agent],
  [{ tags: 't-1,t-4', sort: 'createdAt' }, agent],
  [{ customerId: 'c-2', organizationId: 'globex' }, serviceToken()],
  [{ recording: 'media' }, agent],
  [{ end: '2024-05-01T00:00:00.004Z' }, agent],
])(
  'with %j it returns the rows of all pages in their order, and ignores page and size',
  async (parameters, token) => {
    await storeInteractions(kysely, rows)
    const texts: string[] = []
    for (let page = 0; ; page++) {
      const reply = await get('application/json', { ...parameters, page: String(page), size: '500' }, token)
      const { content } = reply.json()
      texts.push(...content.map((one: object) => JSON.stringify(one)))
      if (content.length < 500) break
    }
    const reply = await get('application/x-ndjson', { ...parameters, page: '3', size: '2' }, token)
    expect(reply.statusCode).toBe(200)
    expect(reply.headers['content-type']).toBe('application/x-ndjson')
    expect(linesOf(reply.payload).map((line) => JSON.stringify(JSON.parse(line)))).toEqual(texts)
  },
)

/** Values with line breaks, quotes and numbers that a wrong encoding would change. */
const hostile: readonly StoredInteraction[] = [
  ['=1+1', '{"n":12345678901234567890.0, "n":1e400,"b":{"z":1,"a":2}}'],
  ['"quoted", "twice"', '{\n  "pretty": [\r\n\t1.0\n  ]\n}'],
  [' @SUM(A1)\r\nsecond line', `{"text":"a\\nb\\u2028\u2028,\\"quoted\\";'","emoji":"🙂"}`],
  ['🙂', '{}'],
].map(([id = '', data = ''], n) => ({
  id,
  organizationId: 'acme',
  createdBy: `-1,${n}`,
  createdAt: n,
  type: n % 2 === 0 ? null : '+1',
  data,
  version: n,
}))

test('NDJSON contains the data as sent, and in dataText if it has line breaks', async () => {
  await storeInteractions(kysely, hostile)
  const { payload } = await get('application/x-ndjson', { sort: 'createdAt' })
  const given = linesOf(payload).map((line) => readMembers(line)?.members)
  expect(given.map((members) => members?.get('data'))).toEqual(
    hostile.map(({ data }) => data.replaceAll(/[\r\n]/g, ' ')),
  )
  expect(given.map((members) => members?.get('dataText'))).toEqual([
    undefined,
    JSON.stringify(hostile[1]?.data),
    undefined,
    undefined,
  ])
})

test('PostgreSQL imports the CSV unchanged', async () => {
  await storeInteractions(kysely, hostile)
  const { headers, payload } = await get('text/csv')
  expect(headers['content-type']).toBe('text/csv; charset=utf-8; header=present')
  expect(payload.split('\r\n', 1)).toEqual(['id,organizationId,createdBy,createdAt,type,data,version'])
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  onTestFinished(() => client.end())
  const columns = 'id, organization_id, created_by, created_at, type, data, version'
  await client.query(`create temporary table copy as select ${columns} from interactions limit 0`)
  await pipeline(
    Readable.from([payload]),
    client.query(copyFrom('copy copy from stdin with (format csv, header)')),
  )
  const all = (table: string) =>
    client.query(`select ${columns.replace('data', 'data::text')} from ${table} order by id`)
  expect((await all('copy')).rows).toEqual((await all('interactions')).rows)
})

test('without a match, NDJSON is empty and CSV has only the header', async () => {
  expect(await get('application/x-ndjson')).toMatchObject({ statusCode: 200, payload: '' })
  expect(linesOf((await get('text/csv')).payload)).toHaveLength(1)
})

test('rows that exist throughout are returned once, while others are created, updated and deleted', async () => {
  await storeInteractions(kysely, rows)
  const kept = rows.filter(({ organizationId, version }) => organizationId === 'acme' && version !== 0)
  let isWriting = true
  const writing = (async () => {
    for (let n = 0; isWriting; n++) {
      await sql`
        delete from interactions
        where id in (select id from interactions where version = 0 order by created_at limit 5)`.execute(
        kysely,
      )
      await sql`
        update interactions set data = '{}', version = version + 1
        where id = ${kept[n % kept.length]?.id}`.execute(kysely)
      await storeInteractions(kysely, [{ ...aRow, id: `new-${n}`, version: 1 }])
    }
  })()
  for (const sort of ['createdAt,asc', 'createdAt,desc']) {
    const found = linesOf((await get('application/x-ndjson', { sort })).payload).map(idOf)
    expect(new Set(found).size).toBe(found.length)
    expect(found).toEqual(expect.arrayContaining(kept.map(({ id }) => id)))
  }
  isWriting = false
  await writing
})

test("it may be sorted only by createdAt, and contains only the caller's organization", async () => {
  for (const sort of ['id', 'type,createdAt', 'createdAt,id,version'])
    expect(await get('text/csv', { sort })).toMatchObject({
      statusCode: 400,
      payload: '{"sort":"must be createdAt alone for a stream of lines"}',
    })
  await storeInteractions(kysely, [{ ...aRow, organizationId: 'globex' }])
  expect((await get('text/csv', { organizationId: 'globex' })).statusCode).toBe(403)
  expect((await get('application/x-ndjson')).payload).toBe('')
})

test.each([
  ['*/*', 'application/json'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'application/json'],
  ['application/json, application/x-ndjson', 'application/json'],
  ['application/json;q=0.5, application/x-ndjson', 'application/x-ndjson'],
  ['text/csv;q=0', 'application/json'],
  ['text/html', 'application/json'],
  ['TEXT/CSV', 'text/csv; charset=utf-8; header=present'],
  ['text/*', 'application/json'],
  ['application/*, application/x-ndjson;q=0.9', 'application/json'],
  ['text/*, text/csv;q=0.1', 'text/csv; charset=utf-8; header=present'],
  ['text/csv, */*;q=0.1', 'text/csv; charset=utf-8; header=present'],
])('Accept: %s gets %s', async (accept, contentType) => {
  expect((await get(accept)).headers['content-type']).toBe(contentType)
})

test('CSV has a byte order mark only if it is asked for', async () => {
  const startsWithMark = async (accept: string, query = {}) =>
    (await get(accept, query)).payload.startsWith('\uFEFFid,')
  expect(await startsWithMark('text/csv')).toBe(false)
  expect(await startsWithMark('text/csv; charset=utf-8; bom=true')).toBe(true)
  expect(await startsWithMark('text/csv;bom="true";q=0.9, */*;q=0.1')).toBe(true)
  expect(await startsWithMark('text/csv', { bom: 'true' })).toBe(true)
  expect(await startsWithMark('text/csv;bom=false', { bom: 'no' })).toBe(false)
  expect((await get('application/x-ndjson', { bom: 'true' })).payload).not.toMatch(/^\uFEFF/)
})
