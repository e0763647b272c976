// The four operations as a caller sees them.
import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { call, tokenOf } from './client.ts'

const agent = await tokenOf('agent')
const otherAgent = await tokenOf('otherAgent')
const service = await tokenOf('service')
const organizationId = inject('organizationId')

interface Page {
  content: { id: string }[]
  totalElements: number
}

async function create(token: string, body: object = {}): Promise<string> {
  const response = await call(token, 'POST', '/interactions', body)
  expect(response.status).toBe(200)
  return ((await response.json()) as { interactionId: string }).interactionId
}

const range = (from: number, to: number) =>
  `start=${new Date(from).toISOString()}&end=${new Date(to).toISOString()}`

test('an interaction can be created, read, updated and found', async () => {
  const customerId = randomUUID()
  const before = Date.now() - 60_000
  const id = await create(agent, { type: 'chat', data: { customerId, tags: ['vip'] } })

  const read = await call(agent, 'GET', `/interactions/${id}`)
  expect(read.status).toBe(200)
  const interaction = await read.json()
  expect(interaction).toEqual({
    id,
    organizationId,
    createdBy: inject('agent').clientId,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    type: 'chat',
    data: { customerId, tags: ['vip'] },
    version: 0,
  })

  const updated = await call(agent, 'PUT', `/interactions/${id}`, { data: { customerId }, version: 0 })
  expect(updated.status).toBe(204)
  expect(await updated.text()).toBe('')
  const stale = await call(agent, 'PUT', `/interactions/${id}`, { data: {}, version: 0 })
  expect(stale.status).toBe(409)

  const found = await call(
    agent,
    'GET',
    `/interactions?${range(before, Date.now() + 60_000)}&customerId=${customerId}`,
  )
  expect(found.status).toBe(200)
  expect(await found.json()).toMatchObject({
    content: [{ id, data: { customerId }, version: 1 }],
    totalElements: 1,
    totalPages: 1,
    first: true,
    last: true,
    numberOfElements: 1,
    empty: false,
  })
})

test('the pages contain each interaction once, newest first', async () => {
  const conferenceId = randomUUID()
  const before = Date.now() - 60_000
  const created: string[] = []
  for (let index = 0; index < 5; index++) created.push(await create(agent, { data: { conferenceId } }))
  const found: string[] = []
  for (const page of [0, 1, 2]) {
    const response = await call(
      agent,
      'GET',
      `/interactions?${range(before, Date.now() + 60_000)}&conferenceId=${conferenceId}&page=${page}&size=2`,
    )
    const { content, totalElements } = (await response.json()) as Page
    expect(totalElements).toBe(5)
    found.push(...content.map(({ id }) => id))
  }
  expect(found).toEqual(created.reverse())
})

test('creating an interaction with an existing id is a conflict, also in another organization', async () => {
  const id = await create(agent, { interactionId: randomUUID() })
  for (const token of [agent, otherAgent])
    expect((await call(token, 'POST', '/interactions', { interactionId: id })).status).toBe(409)
})

test('an agent can neither read nor update an interaction of another organization', async () => {
  const id = await create(agent)
  expect((await call(otherAgent, 'GET', `/interactions/${id}`)).status).toBe(403)
  expect((await call(otherAgent, 'PUT', `/interactions/${id}`, { type: 'x' })).status).toBe(403)
  expect((await call(agent, 'GET', `/interactions/${id}`)).status).toBe(200)
})

test('a service can read and update any interaction, and must send an organization to create one', async () => {
  const id = await create(agent)
  expect((await call(service, 'GET', `/interactions/${id}`)).status).toBe(200)
  expect((await call(service, 'PUT', `/interactions/${id}`, { type: 'audio' })).status).toBe(204)
  const rejected = await call(service, 'POST', '/interactions', {})
  expect(rejected.status).toBe(400)
  expect(await rejected.json()).toEqual({ organizationId: expect.any(String) })
  const own = await create(service, { organizationId })
  expect((await call(agent, 'GET', `/interactions/${own}`)).status).toBe(200)
})

test('an unknown id is not found', async () => {
  expect((await call(agent, 'GET', `/interactions/${randomUUID()}`)).status).toBe(404)
  expect((await call(agent, 'PUT', `/interactions/${randomUUID()}`, { type: 'x' })).status).toBe(404)
})

test('a request without a token gets 401', async () => {
  const response = await fetch(`${inject('baseUrl')}/rtc-api/interactions`)
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toBe('Bearer')
})

test('a search without a range names the missing parameters', async () => {
  const response = await call(agent, 'GET', '/interactions')
  expect(response.status).toBe(400)
  expect(await response.json()).toEqual({ start: expect.any(String), end: expect.any(String) })
})
