// Organizations stay isolated when concurrent requests share statements, and when verified tokens are cached
// (contract §1).
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { agentToken, serviceToken, signToken } from '../support/tokens.ts'

const { app, database } = await startTestApp({ LOG_LEVEL: 'warn' })
const base = `${await app.listen({ host: '127.0.0.1', port: 0 })}/rtc-api/interactions`

type Organization = 'acme' | 'globex'
const organizations: readonly Organization[] = ['acme', 'globex']

/** Each role in each organization. Every test uses the same tokens, so that they are cached. */
const callers = [
  ...organizations.flatMap((organization) =>
    ['AGENT', 'SUPERVISOR'].map((role) => ({
      name: `${role} of ${organization}`,
      organization,
      token: signToken({ sub: `${role} of ${organization}`, organization, authorities: [role] }),
    })),
  ),
  { name: 'SERVICE', organization: undefined, token: serviceToken('SERVICE') },
]

/** Sends a request over a socket: many are open at the same time. */
async function call(token: string, method: string, path: string, body?: object) {
  const reply = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: reply.status, text: await reply.text() }
}

/** Creates `count` interactions, half of them in each organization. @returns their ids and owners */
async function createMany(count: number) {
  const made = Array.from({ length: count }, (_, n) => ({
    id: randomUUID(),
    owner: organizations[n % 2] ?? 'acme',
  }))
  const replies = await Promise.all(
    made.map(({ id, owner }) =>
      call(agentToken(owner), 'POST', '', {
        interactionId: id,
        type: 'chat',
        data: { secret: `of ${owner}` },
      }),
    ),
  )
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
  return made
}

const rowsOf = (ids: readonly string[]) =>
  database.kysely.selectFrom('interactions').selectAll().where('id', 'in', ids).orderBy('id').execute()

/** Mixes the callers, so that each statement serves several of them. */
const shuffled = <T>(all: readonly T[]): T[] =>
  all
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)

test.each([1, 2])('concurrent reads return only what each caller may read, round %i', async () => {
  const made = await createMany(40)
  const requests = callers.flatMap((caller) => [
    ...made.map(({ id, owner }) => ({ caller, id, owner })),
    ...Array.from({ length: 10 }, () => ({ caller, id: randomUUID(), owner: undefined })),
  ])
  await Promise.all(
    shuffled(requests).map(async ({ caller: { name, organization, token }, id, owner }) => {
      const { status, text } = await call(token, 'GET', `/${id}`)
      const isAllowed = organization === undefined || organization === owner
      expect([name, status]).toEqual([name, owner === undefined ? 404 : isAllowed ? 200 : 403])
      for (const other of organizations)
        if (!isAllowed || other !== owner) expect(text).not.toContain(`of ${other}`)
      if (status === 200) expect(JSON.parse(text)).toMatchObject({ id, organizationId: owner })
    }),
  )
})

test.each([1, 2])('concurrent updates change only what each caller may update, round %i', async () => {
  const made = await createMany(40)
  const requests = callers.flatMap((caller) => [
    ...made.map(({ id, owner }) => ({ caller, id, owner })),
    { caller, id: randomUUID(), owner: undefined },
  ])
  await Promise.all(
    shuffled(requests).map(async ({ caller: { name, organization, token }, id, owner }) => {
      const { status, text } = await call(token, 'PUT', `/${id}`, {
        type: name,
        organizationId: organization,
      })
      const isAllowed = organization === undefined || organization === owner
      expect([name, status]).toEqual([name, owner === undefined ? 404 : isAllowed ? 204 : 403])
      expect(text).not.toMatch(/of (acme|globex)/)
    }),
  )
  for (const row of await rowsOf(made.map(({ id }) => id))) {
    const owner = made.find(({ id }) => id === row.id)?.owner
    expect(row.organization_id).toBe(owner)
    // one update by each of the two roles of its organization, and one by the service
    expect(Number(row.version)).toBe(3)
    expect([`AGENT of ${owner}`, `SUPERVISOR of ${owner}`, 'SERVICE']).toContain(row.type)
  }
})

test('concurrent creations use an organization that the caller may use, and create each id once', async () => {
  const contested = Array.from({ length: 20 }, () => randomUUID())
  const forged = { id: 'forged', createdBy: 'forged', createdAt: '2001-01-01T00:00:00Z', version: 9 }
  const requests = callers.flatMap((caller) => contested.map((id) => ({ caller, id })))
  const replies = await Promise.all(
    shuffled(requests).map(async ({ caller, id }) => {
      const body = { ...forged, interactionId: id, organizationId: 'globex', data: { by: caller.name } }
      return { caller, id, ...(await call(caller.token, 'POST', '', body)) }
    }),
  )
  const rows = await rowsOf(contested)
  expect(rows).toHaveLength(contested.length)
  for (const row of rows) {
    const [winner, ...others] = replies.filter(({ id, status }) => id === row.id && status === 200)
    expect(others).toEqual([])
    expect(row).toMatchObject({
      created_by: winner?.caller.name,
      organization_id: winner?.caller.organization ?? 'globex',
      data: `{"by":"${winner?.caller.name}"}`,
    })
    expect(Number(row.version)).toBe(0)
    expect(row.created_at > '2020').toBe(true)
  }
  for (const { status, text } of replies.filter((reply) => reply.status !== 200)) {
    expect(status).toBe(409)
    expect(text).not.toMatch(/of (acme|globex)|SERVICE/)
  }
})

test('of concurrent creations, the rejected ones store nothing, and the others are all stored', async () => {
  const requests = Array.from({ length: 60 }, (_, n) => ({ n, id: randomUUID() }))
  const invalidBodies = [{ data: [] }, { data: { text: '\u0000' } }, { type: {} }]
  const expected = new Map<string, number>()
  await Promise.all(
    requests.map(async ({ n, id }) => {
      // in turn: a SERVICE without organizationId, three invalid bodies, and four valid ones
      const caller = n % 8 === 0 ? callers.at(-1) : callers[n % 4]
      const { status } = await call(caller?.token ?? '', 'POST', '', {
        interactionId: id,
        ...invalidBodies[(n % 8) - 1],
      })
      expected.set(id, status)
      expect(status).toBe(n % 8 < 4 ? 400 : 200)
    }),
  )
  const kept = (await rowsOf(requests.map(({ id }) => id))).map(({ id }) => id)
  expect(kept).toEqual(
    [...expected]
      .filter(([, status]) => status === 200)
      .map(([id]) => id)
      .sort(),
  )
})

test('concurrent searches find only what each caller may read', async () => {
  const made = await createMany(20)
  await Promise.all(
    shuffled([...callers, ...callers, ...callers]).map(async ({ organization, token }) => {
      const { text } = await call(token, 'GET', query({ ...always, size: '2000' }))
      const { content, totalElements } = JSON.parse(text)
      const owners = new Set(content.map((one: { organizationId: string }) => one.organizationId))
      expect([...owners].sort()).toEqual(organization === undefined ? organizations : [organization])
      expect(totalElements).toBe(content.length)
      const ids = new Set(content.map(({ id }: { id: string }) => id))
      for (const { id, owner } of made) expect(ids.has(id)).toBe((organization ?? owner) === owner)
    }),
  )
})
