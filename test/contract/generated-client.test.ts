// A client generated from the committed OpenAPI document, as integrators generate theirs: the compiler checks the calls,
// and the tests check that the responses match the types.
import { randomUUID } from 'node:crypto'
import createClient from 'openapi-fetch'
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript'
import { describe, expect, expectTypeOf, inject, test } from 'vitest'
import type { ErrorResponse, Interaction, paths } from './generated/interaction-api.ts'

const baseUrl = inject('baseUrl')
const { clientId, clientSecret } = inject('agent')

const unauthenticated = createClient<paths>({ baseUrl })
const granted = await unauthenticated.POST('/security/oauth/token', {
  body: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
  headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
})
const authorization = `Bearer ${granted.data?.access_token}`
// of the media types of a list, only the page as JSON
const client = createClient<paths, 'application/json'>({ baseUrl, headers: { authorization } })

const collection = '/rtc-api/interactions'
const item = '/rtc-api/interactions/{interactionId}'
const day = {
  start: new Date(Date.now() - 43_200_000).toISOString(),
  end: new Date(Date.now() + 43_200_000).toISOString(),
}

test('the committed types are those that openapi-typescript generates from the document', async () => {
  const document = new URL('../../openapi/openapi.json', import.meta.url)
  const types = await openapiTS(document, { rootTypes: true, rootTypesNoSchemaPrefix: true })
  await expect(
    COMMENT_HEADER + astToString(types),
    'the types are out of date; refresh them: npx vitest run --project contract generated -u',
  ).toMatchFileSnapshot('./generated/interaction-api.ts')
})

test('the client creates, reads, updates and lists interactions', async () => {
  const customerId = randomUUID()
  const { data: created } = await client.POST(collection, { body: { type: 'chat', data: { customerId } } })
  const interactionId = created?.interactionId ?? ''
  expect(created).toEqual({ interactionId: expect.any(String), version: 0 })
  const path = { interactionId }

  const read = await client.GET(item, { params: { path } })
  expectTypeOf(read.data).toEqualTypeOf<Interaction | undefined>()
  expect(read.data).toMatchObject({ id: interactionId, type: 'chat', data: { customerId }, version: 0 })

  const change = { params: { path }, body: { type: 'audio', version: 0 } }
  expect((await client.PUT(item, change)).response.status).toBe(204)
  const stale = await client.PUT(item, change)
  expect([stale.response.status, stale.error]).toMatchObject([409, { error: 'conflict' }])

  const { data: page } = await client.GET(collection, {
    params: { query: { ...day, type: 'audio', customerId, sort: ['createdAt,desc', 'id'], size: 5 } },
  })
  expectTypeOf(page?.content).toEqualTypeOf<Interaction[] | undefined>()
  expect(page).toMatchObject({ totalElements: 1, size: 5, content: [{ id: interactionId, version: 1 }] })
})

test('the client reads the keys and the metadata of the token endpoint', async () => {
  const { data: metadata } = await unauthenticated.GET('/.well-known/oauth-authorization-server')
  expect(metadata?.grant_types_supported).toContain('client_credentials')
  const { data: keys } = await unauthenticated.GET('/security/oauth/jwks.json')
  expect(keys?.keys.map(({ kty }) => kty)).toContain('RSA')
})

describe('the service rejects what the types reject:', () => {
  test('a search without a range', async () => {
    // @ts-expect-error start is missing
    const { response } = await client.GET(collection, { params: { query: { end: day.end } } })
    expect(response.status).toBe(400)
  })

  test('data that is not an object', async () => {
    // @ts-expect-error
    const { response } = await client.POST(collection, { body: { data: ['vip'] } })
    expect(response.status).toBe(400)
  })

  test('a version that is not a number', async () => {
    const params = { path: { interactionId: randomUUID() } }
    // @ts-expect-error
    const { response } = await client.PUT(item, { params, body: { version: 'x' } })
    expect(response.status).toBe(400)
  })

  test('a grant type other than client_credentials', async () => {
    const { error, response } = await unauthenticated.POST('/security/oauth/token', {
      // @ts-expect-error
      body: { grant_type: 'password', client_id: clientId, client_secret: clientSecret },
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })
    expectTypeOf(error).toEqualTypeOf<ErrorResponse | undefined>()
    expect([response.status, error?.error]).toEqual([400, 'unsupported_grant_type'])
  })
})
