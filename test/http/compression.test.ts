// Large pages are compressed for clients that accept it (RFC 9110 §12.5.3).
import { promisify } from 'node:util'
import { brotliDecompress, gunzip } from 'node:zlib'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { agentToken, bearer } from '../support/tokens.ts'

const service = await startTestApp()
// a page of 20 is sent uncompressed; pages of `wide` are loaded in pieces
await sql`
  insert into interactions (id, organization_id, created_by, data)
  select o || n, o, 'agent', json_build_object('text', repeat(md5(n::text), size / 32)) 
  from (values ('acme', 800), ('wide', 800000)) as given (o, size), generate_series(1, 60) as n
  where o = 'acme' or n <= 20`.execute(service.database.kysely)

const list = (headers: Record<string, string>, size: number, organization = 'acme') =>
  service.inject({
    url: `/rtc-api/interactions${query({ ...always, size: String(size) })}`,
    headers: { ...bearer(agentToken(organization)), ...headers },
  })

const decompress = { br: promisify(brotliDecompress), gzip: promisify(gunzip) } as const

describe.each([
  ['a page', {}, 'acme'],
  ['a page that is loaded in pieces', {}, 'wide'],
  ['lines', { accept: 'application/x-ndjson' }, 'acme'],
] as const)('%s', (_, accept, organization) => {
  test.each(['br', 'gzip'] as const)('has the same content as %s, and is smaller', async (coding) => {
    const plain = await list(accept, 60, organization)
    const reply = await list({ ...accept, 'accept-encoding': coding }, 60, organization)
    expect(reply.headers).toMatchObject({ 'content-encoding': coding, vary: 'Accept, Accept-Encoding' })
    expect(reply.headers['content-type']).toBe(plain.headers['content-type'])
    expect((await decompress[coding](reply.rawPayload)).equals(plain.rawPayload)).toBe(true)
    expect(reply.rawPayload.length).toBeLessThan(plain.rawPayload.length / 2)
  })
})

test.each([
  ['gzip, deflate, br', 'gzip'],
  ['br, gzip', 'br'],
  ['gzip;q=0.5, br;q=0.9', 'br'],
  ['*', 'br'],
  ['GZIP', 'gzip'],
  ['identity;q=0, gzip', 'gzip'],
  ['deflate', undefined],
  ['identity', undefined],
  ['identity, gzip;q=0.5', undefined],
  ['gzip;q=0', undefined],
  ['*;q=0', undefined],
  ['', undefined],
  ['gzip;q=x', undefined],
  [';;,,', undefined],
  ['x'.repeat(8000), undefined],
])('Accept-Encoding: %s gets %s', async (accepted, coding) => {
  const reply = await list({ 'accept-encoding': accepted }, 60)
  expect(reply.statusCode).toBe(200)
  expect(reply.headers['content-encoding']).toBe(coding)
})

test('small responses are not compressed: a page of 20, an interaction, an error', async () => {
  const headers = { ...bearer(agentToken()), 'accept-encoding': 'gzip, br' }
  const page = await list(headers, 20)
  expect(page.json().content).toHaveLength(20)
  expect(page.headers.vary).toBe('Accept, Accept-Encoding')
  const others = ['/rtc-api/interactions/acme1', '/rtc-api/interactions'].map((url) =>
    service.inject({ url, headers }),
  )
  for (const { headers: answered } of [page, ...(await Promise.all(others))])
    expect(answered).not.toHaveProperty('content-encoding')
})

test('many concurrent large pages are complete, compressed or not', async () => {
  const replies = await Promise.all(Array.from({ length: 40 }, () => list({ 'accept-encoding': 'gzip' }, 60)))
  for (const { headers, rawPayload } of replies) {
    const text = headers['content-encoding'] === 'gzip' ? await decompress.gzip(rawPayload) : rawPayload
    expect(JSON.parse(text.toString()).content).toHaveLength(60)
  }
})
