// Requests that depend on the current version: ETag, If-None-Match, If-Match (RFC 9110 §13).
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer, serviceToken } from '../support/tokens.ts'
import { expectErrors, expectProblem } from './support/replies.ts'

const service = await startTestApp()
const agent = agentToken()

/** Creates an interaction and updates it `version` times. @returns its id */
async function interactionOf(version: number): Promise<string> {
  const interactionId = randomUUID()
  await service.call(agent, 'POST', '', { interactionId, data: { n: 0 } })
  for (let n = 1; n <= version; n++) await service.call(agent, 'PUT', `/${interactionId}`, { data: { n } })
  return interactionId
}

const read = (id: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  service.inject({ method, url: `/rtc-api/interactions/${id}`, headers: { ...bearer(agent), ...headers } })

const update = (
  id: string,
  headers: Record<string, string>,
  body: object = { type: 'chat' },
  token = agent,
) =>
  service.inject({
    method: 'PUT',
    url: `/rtc-api/interactions/${id}`,
    headers: { ...bearer(token), 'content-type': 'application/json', ...headers },
    payload: JSON.stringify(body),
  })

const versionOf = async (id: string): Promise<number> => (await read(id)).json().version

const malformed = [
  'abc',
  '3',
  '"3',
  'W/3',
  'w/"3"',
  '"3" "4"',
  '"a"b"',
  '"2 "',
  '*, "3"',
  '"\u007f"',
  'W/ "3"',
]

describe('the entity tag', () => {
  test('is the version and changes with an update', async () => {
    const id = await interactionOf(0)
    const first = await read(id)
    expect(first.headers.etag).toBe('"0"')
    expect((await read(id)).body).toBe(first.body)
    await update(id, {})
    expect((await read(id)).headers.etag).toBe('"1"')
    expect((await read(id, {}, 'HEAD')).headers.etag).toBe('"1"')
  })

  test('is sent after a create but not after an update, whose response has no representation', async () => {
    expect((await service.call(agent, 'POST', '', {})).headers.etag).toBe('"0"')
    const id = await interactionOf(0)
    expect((await update(id, {})).headers).not.toHaveProperty('etag')
  })

  test('is not sent for an interaction of another organization', async () => {
    const id = await interactionOf(0)
    const reply = await service.call(agentToken('globex'), 'GET', `/${id}`)
    expect(reply.statusCode).toBe(403)
    expect(reply.headers).not.toHaveProperty('etag')
  })
})

describe('a read with If-None-Match', () => {
  test.each(['"2"', 'W/"2"', '"1", "2"', '*', ' , "x,y" ,\t"2",', '"2", W/"9"'])(
    'of %s returns 304',
    async (tags) => {
      const id = await interactionOf(2)
      for (const method of ['GET', 'HEAD'] as const) {
        const reply = await read(id, { 'if-none-match': tags }, method)
        expect([reply.statusCode, reply.body, reply.headers.etag]).toEqual([304, '', '"2"'])
        expect(reply.headers).not.toHaveProperty('content-type')
        expect(reply.headers['cache-control']).toBe('no-store')
      }
    },
  )

  test.each(['"1"', '"02"', '""', '', '"999999999999999999999"', `"${'9'.repeat(8000)}"`, '"*"'])(
    'of %s returns the interaction',
    async (tags) => {
      const id = await interactionOf(2)
      const reply = await read(id, { 'if-none-match': tags })
      expect(reply.statusCode).toBe(200)
      expect(reply.json()).toMatchObject({ id, version: 2 })
    },
  )

  test.each(malformed)('of %s is rejected', async (tags) => {
    expectErrors(await read(await interactionOf(0), { 'if-none-match': tags }), 'If-None-Match')
  })

  test('of * still returns 404 or 403', async () => {
    expectProblem(await read('nothing', { 'if-none-match': '*' }), 404, 'not_found')
    const id = await interactionOf(0)
    const headers = { ...bearer(agentToken('globex')), 'if-none-match': '*' }
    expectProblem(await service.inject({ url: `/rtc-api/interactions/${id}`, headers }), 403, 'forbidden')
  })
})

test('a read with If-Match of another version returns 412', async () => {
  const id = await interactionOf(1)
  expect((await read(id, { 'if-match': '"1"' })).statusCode).toBe(200)
  expectProblem(await read(id, { 'if-match': '"0"', 'if-none-match': '*' }), 412, 'precondition_failed')
})

describe('an update with If-Match', () => {
  test.each(['"2"', '*', '"1", "2"', 'W/"2", "2"', ',"2",'])('of %s is applied', async (tags) => {
    const id = await interactionOf(2)
    const reply = await update(id, { 'if-match': tags })
    expect([reply.statusCode, reply.body]).toEqual([204, ''])
    expect(await versionOf(id)).toBe(3)
  })

  const others = ['"1"', '"3"', 'W/"2"', '"02"', '""', '', '"999999999999999999999"', '"9223372036854775808"']
  test.each([
    ...others,
    `"${'9'.repeat(8000)}"`,
    Array.from({ length: 1000 }, (_, n) => `"${n + 5}"`).join(),
  ])('of %s returns 412 and changes nothing', async (tags) => {
    const id = await interactionOf(2)
    expectProblem(await update(id, { 'if-match': tags }), 412, 'precondition_failed')
    expect(await versionOf(id)).toBe(2)
  })

  test.each([...malformed, ' '.repeat(8000).concat('x')])('of %s is rejected', async (tags) => {
    const id = await interactionOf(2)
    expectErrors(await update(id, { 'if-match': tags }), 'If-Match')
    expect(await versionOf(id)).toBe(2)
  })

  test('returns 404 and 403 before 412', async () => {
    for (const tags of ['"9"', '*', '"8", "9"']) {
      expectProblem(await update('nothing', { 'if-match': tags }), 404, 'not_found')
      const id = await interactionOf(0)
      const otherOrganization = await update(id, { 'if-match': tags }, { type: 'chat' }, agentToken('globex'))
      expectProblem(otherOrganization, 403, 'forbidden')
    }
  })

  test('but without type and data is checked and changes nothing', async () => {
    const id = await interactionOf(1)
    expect((await update(id, { 'if-match': '"1"' }, {})).statusCode).toBe(204)
    expectProblem(await update(id, { 'if-match': '"0"' }, {}), 412, 'precondition_failed')
    expect(await versionOf(id)).toBe(1)
  })

  test.each([
    ['"2"', 2, 204],
    ['"1", "2"', 2, 204],
    ['"2"', 1, 409],
    ['"1", "2"', 1, 409],
    ['*', 1, 409],
    ['"1"', 2, 412],
    ['"1"', 1, 412],
    ['W/"2"', 2, 412],
  ])('of %s and version %i must match both: %i', async (tags, version, status) => {
    const id = await interactionOf(2)
    const reply = await update(id, { 'if-match': tags }, { type: 'chat', version })
    expect(reply.statusCode).toBe(status)
    expect(await versionOf(id)).toBe(status === 204 ? 3 : 2)
  })

  test('works for a SERVICE', async () => {
    const id = await interactionOf(0)
    expect((await update(id, { 'if-match': '"0"' }, { type: 'chat' }, serviceToken())).statusCode).toBe(204)
  })
})

test.each([
  ['*', 412],
  ['"2"', 412],
  ['W/"2"', 412],
  ['"1"', 204],
])('an update with If-None-Match of %s returns %i', async (tags, status) => {
  const id = await interactionOf(2)
  expect((await update(id, { 'if-none-match': tags })).statusCode).toBe(status)
})

const writers = Array.from({ length: 30 }, (_, writer) => writer)

test.each(['"0"', '"7", "0"'])(
  'of 30 concurrent updates with If-Match of %s one is applied',
  async (tags) => {
    const id = await interactionOf(0)
    const replies = await Promise.all(
      writers.map((writer) => update(id, { 'if-match': tags }, { data: { writer } })),
    )
    const statuses = replies.map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 204)).toHaveLength(1)
    expect(statuses.filter((status) => status === 412)).toHaveLength(29)
    expect((await read(id)).json()).toMatchObject({ version: 1, data: { writer: statuses.indexOf(204) } })
  },
)

test('of concurrent updates that may all be applied, none is lost', async () => {
  const id = await interactionOf(0)
  const replies = await Promise.all(writers.map(() => update(id, { 'if-none-match': '"99"' })))
  expect(replies.map(({ statusCode }) => statusCode)).toEqual(writers.map(() => 204))
  expect(await versionOf(id)).toBe(30)
})
