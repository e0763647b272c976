// Hostile ids, filters and headers do not reach interactions of another organization.
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'

const { call, inject } = await startTestApp()

const callers = { AGENT: agentToken('acme'), SERVICE: serviceToken() }
const other = agentToken('globex')
const secret = 'their secret'

describe('a hostile id', () => {
  const hostile = [
    "' or 1=1 --",
    "'; drop table interactions; --",
    'a/b',
    '../acme',
    '%00',
    '%2e%2e',
    '$1',
    '*',
    '%',
  ]
  const more = [
    'x?organizationId=globex',
    'x#y',
    '\\',
    '"',
    '{"a":1}',
    ' ',
    '\u200b',
    '..;',
    'null',
    '__proto__',
  ]

  test.each([...hostile, ...more])('is treated like any other id: %s', async (id) => {
    const path = `/${encodeURIComponent(id)}`
    for (const token of [callers.AGENT, callers.SERVICE]) {
      expect((await call(token, 'GET', path)).statusCode).toBe(404)
      expect((await call(token, 'PUT', path, { type: 'x' })).statusCode).toBe(404)
    }
    const created = await call(other, 'POST', '', { interactionId: id, data: { secret } })
    expect(created.json()).toEqual({ interactionId: id, version: 0 })
    expect(created.headers.location).toBe(`/rtc-api/interactions${path}`)
    const rejected = await call(callers.AGENT, 'GET', path)
    expect(rejected.statusCode).toBe(403)
    expect(rejected.body).not.toContain(secret)
    expect((await call(other, 'GET', path)).json()).toMatchObject({ id, data: { secret } })
    expect((await call(other, 'PUT', path, { type: 'changed' })).statusCode).toBe(204)
    expect((await call(callers.SERVICE, 'GET', path)).json()).toMatchObject({
      id,
      type: 'changed',
      version: 1,
    })
  })

  test.each(['%00', 'a%00b', '%ff', '%', '%zz', '%c0%ae'])(
    'that is malformed, or contains NUL, is rejected: %s',
    async (path) => {
      for (const token of [callers.AGENT, callers.SERVICE])
        expect((await call(token, 'GET', `/${path}`)).statusCode).toBe(400)
    },
  )

  test.each(['..', '../', '.', '%2e%2e/interactions/', '//', '/../x'])(
    'with a path traversal reads nothing: %s',
    async (path) => {
      await create(other)
      const reply = await call(callers.AGENT, 'GET', `/${path}`)
      expect([400, 404]).toContain(reply.statusCode)
      expect(reply.body).not.toContain(secret)
    },
  )
})

test('hostile filters find nothing of another organization', async () => {
  await create(other)
  const hostile = ["' or 1=1 --", "acme' or organization_id='globex", '%', '*', '{globex}', '"', '\\']
  for (const value of hostile) {
    const filters = { type: value, userId: value, customerId: value, conferenceId: value, tags: value }
    for (const [name, filter] of Object.entries(filters)) {
      const reply = await list(callers.AGENT, { [name]: filter })
      expect(reply.json(), name).toMatchObject({ totalElements: 0, content: [] })
    }
    const organization = await list(callers.AGENT, { organizationId: value })
    expect(organization.statusCode).toBe(403)
    const ordered = await list(callers.AGENT, { sort: `id,${value}` })
    expect(ordered.statusCode).toBe(400)
  }
})

test('only the token sets the organization, not headers or parameters', async () => {
  const id = await create(other)
  const headers = {
    authorization: `Bearer ${callers.AGENT}`,
    'x-organization-id': 'globex',
    organization: 'globex',
  }
  const url = `/rtc-api/interactions/${id}?organizationId=globex&organization=globex&authorities=SERVICE`
  expect((await inject({ method: 'GET', url, headers })).statusCode).toBe(403)
})

async function create(token: string): Promise<string> {
  const body = { type: 'chat', data: { secret } }
  return (await call(token, 'POST', '', body)).json().interactionId
}

function list(token: string, parameters: Record<string, string | string[]> = {}) {
  return call(token, 'GET', query({ ...always, size: '2000', ...parameters }))
}
