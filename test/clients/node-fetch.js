// Makes the documented calls with Node's fetch. Needs BASE_URL, CLIENT_ID and CLIENT_SECRET. Fails at the first wrong
// response.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { env } from 'node:process'

const granted = await fetch(`${env.BASE_URL}/security/oauth/token`, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: env.CLIENT_ID,
    client_secret: env.CLIENT_SECRET,
  }),
})
assert.equal(granted.status, 200)
const { access_token } = await granted.json()

/** Makes a call and expects the status. @returns the decoded body */
async function call(status, method, path, input) {
  const response = await fetch(`${env.BASE_URL}/rtc-api/interactions${path}`, {
    method,
    headers: {
      Accept: '*/*',
      'Content-Type': 'application/json',
      Authorization: `Bearer ${access_token}`,
    },
    body: input && JSON.stringify(input),
  })
  const text = await response.text()
  assert.equal(response.status, status, `${method} ${path}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

const data = { customerId: `node-${randomUUID()}`, tags: ['vip'] }
const create = () => call(200, 'POST', '', { type: 'chat', data })

const first = await create()
assert.equal(first.version, 0)

const read = await call(200, 'GET', `/${first.interactionId}`)
assert.deepEqual([read.id, read.type, read.data, read.version], [first.interactionId, 'chat', data, 0])
assert.ok(Math.abs(new Date(read.createdAt) - Date.now()) < 3_600_000, read.createdAt)

const change = { data: { ...data, tags: ['vip', 'callback'] }, version: 0 }
await call(204, 'PUT', `/${first.interactionId}`, change)
await call(409, 'PUT', `/${first.interactionId}`, change)

const second = await create()
const list = (page) => {
  const query = new URLSearchParams({
    start: new Date(Date.now() - 12 * 3_600_000).toISOString(),
    end: new Date(Date.now() + 12 * 3_600_000).toISOString(),
    type: 'audio,chat',
    tags: 'vip',
    customerId: data.customerId,
    sort: 'createdAt,asc',
    size: 1,
    page,
  })
  return call(200, 'GET', `?${query}`)
}
for (const [page, { interactionId }] of [first, second].entries()) {
  const found = await list(page)
  assert.deepEqual([found.totalElements, found.totalPages, found.number], [2, 2, page])
  assert.deepEqual([found.first, found.last], [page === 0, page === 1])
  assert.deepEqual(
    found.content.map(({ id, version }) => [id, version]),
    [[interactionId, page === 0 ? 1 : 0]],
  )
}
