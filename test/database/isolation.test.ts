// Which interactions each role may create, read, update and list (contract §1).
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { always, countInteractions, query } from '../support/make.ts'
import { agentToken, serviceToken, signToken } from '../support/tokens.ts'

const { call, database } = await startTestApp()

const withRole = (role: string, sub: string) => signToken({ sub, organization: 'acme', authorities: [role] })
const callers = {
  AGENT: withRole('AGENT', 'an agent'),
  SUPERVISOR: withRole('SUPERVISOR', 'a supervisor'),
  SERVICE: signToken({ sub: 'a service', authorities: ['SERVICE'] }),
  // an organization in the token of a SERVICE is not used
  ROLE_SERVICE: withRole('ROLE_SERVICE', 'another service'),
}
const other = agentToken('globex', 'their agent')
const secret = 'their secret'

const matrix = [
  { role: 'AGENT', otherStatus: 403, lists: ['acme'] },
  { role: 'SUPERVISOR', otherStatus: 403, lists: ['acme'] },
  { role: 'SERVICE', otherStatus: 200, lists: ['acme', 'globex'] },
  { role: 'ROLE_SERVICE', otherStatus: 200, lists: ['acme', 'globex'] },
] as const

describe.each(matrix)('$role', ({ role, otherStatus, lists }) => {
  const token = callers[role]
  const isService = otherStatus === 200

  test("reads and updates its own organization's interactions", async () => {
    const id = await create(callers.AGENT)
    expect((await call(token, 'GET', `/${id}`)).statusCode).toBe(200)
    expect((await call(token, 'PUT', `/${id}`, { type: role })).statusCode).toBe(204)
    expect((await read(id)).type).toBe(role)
  })

  test(`gets ${otherStatus} for interactions of another organization`, async () => {
    const id = await create(other)
    const got = await call(token, 'GET', `/${id}`)
    expect(got.statusCode).toBe(otherStatus)
    expect(got.body.includes(secret)).toBe(isService)
    const put = await call(token, 'PUT', `/${id}`, { data: {} })
    expect(put.statusCode).toBe(isService ? 204 : 403)
    if (!isService) {
      expect(got.json()).toMatchObject({ error: 'forbidden' })
      expect(got.headers['www-authenticate']).toContain('Bearer error="insufficient_scope"')
      expect(await read(id)).toMatchObject({ type: 'chat', data: { secret }, version: 0 })
    }
  })

  test('gets 404 for an unknown id', async () => {
    const id = randomUUID()
    expect((await call(token, 'GET', `/${id}`)).statusCode).toBe(404)
    expect((await call(token, 'PUT', `/${id}`, { type: 'chat' })).statusCode).toBe(404)
  })

  test(`lists the interactions of ${lists.join(' and ')}`, async () => {
    const ids = { acme: await create(callers.AGENT), globex: await create(other) }
    const { content, totalElements } = (await list(token)).json()
    const listed = new Set(content.map((one: { organizationId: string }) => one.organizationId))
    expect([...listed].sort()).toEqual(lists)
    expect(content.some(({ id }: { id: string }) => id === ids.acme)).toBe(true)
    expect(content.some(({ id }: { id: string }) => id === ids.globex)).toBe(isService)
    expect(totalElements).toBe(content.length)
  })

  test(`gets ${otherStatus} for a list with organizationId globex, and 200 with acme`, async () => {
    const id = await create(other)
    const theirs = await list(token, { organizationId: 'globex' })
    expect(theirs.statusCode).toBe(otherStatus)
    expect(theirs.body.includes(id)).toBe(isService)
    const own = await list(token, { organizationId: 'acme' })
    expect(own.statusCode).toBe(200)
    for (const { organizationId } of own.json().content) expect(organizationId).toBe('acme')
    const both = await list(token, { organizationId: ['acme', 'globex'] })
    expect(both.body).not.toContain(id)
  })

  test(`creates in ${isService ? 'the organization of the body' : 'its own organization, regardless of the body'}`, async () => {
    const reply = await call(token, 'POST', '', { organizationId: 'globex' })
    expect((await read(reply.json().interactionId)).organizationId).toBe(isService ? 'globex' : 'acme')
  })

  test('creates with its own user, the current time and version 0, regardless of the body', async () => {
    const forged = { id: 'forged', createdBy: 'forged', createdAt: '2001-01-01T00:00:00.000Z', version: 7 }
    const columns = { created_by: 'forged', created_at: '2001-01-01T00:00:00Z', customer_id: 'forged' }
    const body = { organizationId: 'acme', ...forged, ...columns, organization_id: 'globex' }
    const started = Date.now() - 1
    const reply = await call(token, 'POST', '', body)
    expect(reply.json()).toMatchObject({ version: 0 })
    const stored = await read(reply.json().interactionId)
    expect(stored).toMatchObject({ organizationId: 'acme', data: {}, version: 0 })
    expect(stored.id).not.toBe('forged')
    expect(stored.createdBy).toMatch(/^(an agent|a supervisor|a service|another service)$/)
    expect(Date.parse(stored.createdAt)).toBeGreaterThanOrEqual(started)
  })

  test('gets 409 for an id that exists in any organization, and neither changes nor learns anything', async () => {
    for (const owner of [callers.AGENT, other]) {
      const id = await create(owner)
      const [before, total] = [await read(id), await countInteractions(database.kysely)]
      const body = { interactionId: id, organizationId: 'acme', type: 'video', data: { mine: 1 } }
      const reply = await call(token, 'POST', '', body)
      expect(reply.statusCode).toBe(409)
      expect(Object.keys(reply.json()).sort()).toEqual(['error', 'error_description'])
      expect(reply.body).not.toMatch(/globex|their|secret|duplicate key|pkey/)
      expect(await read(id)).toEqual(before)
      expect(await countInteractions(database.kysely)).toBe(total)
    }
  })
})

describe('a rejected creation stores no row', () => {
  const rejections: [string, string, number, unknown][] = [
    ['a SERVICE without organizationId', callers.SERVICE, 400, {}],
    ['a SERVICE with an organization only in its token', callers.ROLE_SERVICE, 400, { type: 'chat' }],
    ['an AGENT without an organization', signToken({ sub: 'x', authorities: ['AGENT'] }), 403, {}],
    ['an invalid token', 'x', 401, {}],
    ['data that is not an object', callers.AGENT, 400, { data: [] }],
    ['NUL in data', callers.AGENT, 400, { data: { a: '\u0000' } }],
    ['NUL in the id', callers.AGENT, 400, { interactionId: '\u0000' }],
    ['an empty id', callers.AGENT, 400, { interactionId: '' }],
    ['broken JSON', callers.AGENT, 400, '{"interactionId":"broken"'],
    ['more than 1 MiB', callers.AGENT, 413, { data: { a: 'x'.repeat(2 ** 20) } }],
  ]
  test.each(rejections)('%s', async (_, token, status, body) => {
    const before = await countInteractions(database.kysely)
    expect((await call(token, 'POST', '', body)).statusCode).toBe(status)
    expect(await countInteractions(database.kysely)).toBe(before)
  })
})

async function create(token: string): Promise<string> {
  const body = { type: 'chat', data: { secret } }
  return (await call(token, 'POST', '', body)).json().interactionId
}

async function read(id: string) {
  return (await call(serviceToken(), 'GET', `/${id}`)).json()
}

function list(token: string, parameters: Record<string, string | string[]> = {}) {
  return call(token, 'GET', query({ ...always, size: '2000', ...parameters }))
}
