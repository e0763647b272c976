// PUT /rtc-api/interactions/{interactionId} with invalid requests: rejected, and nothing changes (contract §5, §7).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'
import { expectErrors, expectProblem } from './support/replies.ts'
import { expectUntouched } from './support/untouched.ts'

const service = await startTestApp()
const agent = agentToken()
await service.call(agent, 'POST', '', { interactionId: 'one', type: 'chat', data: { kept: true } })
await service.call(agent, 'PUT', '/one', { type: 'video' })
expectUntouched(service.database)

const update = (body: unknown, path = '/one', token = agent) => service.call(token, 'PUT', path, body)
const withVersion = (version: string) => update(`{"type":"audio","version":${version}}`)

describe('a version is rejected when it', () => {
  test.each([
    ['is a word', '"abc"'],
    ['is a number followed by a word', '"1x"'],
    ['is a hexadecimal number in a string', '"0x1"'],
    ['is a fraction in a string', '"1.5"'],
    ['is true', 'true'],
    ['is false', 'false'],
    ['is an object', '{}'],
    ['is an array', '[1]'],
    ['is one beyond int64', '9223372036854775808'],
    ['is one beyond int64 in a string', '"9223372036854775808"'],
    ['is one below int64', '-9223372036854775809'],
    ['is far beyond int64', `1${'0'.repeat(1000)}`],
    ['is far beyond int64 in a string', `"1${'0'.repeat(1000)}"`],
    ['is 1e19', '1e19'],
    ['is 1e400', '1e400'],
    ['is minus 1e400', '-1e400'],
  ])('%s', async (_, version) => {
    expectErrors(await withVersion(version), 'version')
  })
})

describe('a version conflicts when it', () => {
  test.each([
    ['is older', '0'],
    ['is newer', '2'],
    ['is negative', '-1'],
    ['is a string', '"2"'],
    ['is 2^53', '9007199254740992'],
    ['is 2^53 + 1', '9007199254740993'],
    ['is the largest int64', '9223372036854775807'],
    ['is the smallest int64', '-9223372036854775808'],
    ['is a large power of ten', '1e18'],
    ['is a fraction that truncates to another version', '2.9'],
    ['is a fraction that truncates to 0', '0.9'],
  ])('%s', async (_, version) => {
    expectProblem(await withVersion(version), 409, 'conflict')
  })

  test('differs, even if the request changes nothing', async () => {
    expectProblem(await update({ version: 0 }), 409, 'conflict')
  })
})

describe.each([
  ['type', ['x'.repeat(256), 'a\u0000', 'a\udfff', {}, ['x']]],
  ['data', [[], 'x', 5, true, { a: '\u0000' }, { '\ud800': 1 }]],
] as const)('%s is rejected when it is', (name, values) => {
  test.each(values.map((value) => [value]))('%j', async (value) => {
    expectErrors(await update({ version: 1, [name]: value }), name)
  })
})

test.each([
  ['nothing', undefined],
  ['an empty text', ''],
  ['null', 'null'],
  ['an array', '[]'],
  ['a string', '"x"'],
  ['broken JSON', '{"type":"audio"'],
])('%s is not a valid body', async (_, body) => {
  expectErrors(await update(body), 'body')
})

describe('an id is rejected when it', () => {
  test.each([
    ['has 256 characters', 'x'.repeat(256)],
    ['has 256 characters beyond the basic plane', encodeURIComponent('😀'.repeat(256))],
    ['contains NUL', '%00'],
    ['contains NUL between other characters', 'one%00two'],
  ])('%s', async (_, id) => {
    expectErrors(await update({ type: 'audio' }, `/${id}`), 'interactionId')
    expectErrors(await service.call(agent, 'GET', `/${id}`), 'interactionId')
  })

  test.each([
    ['has an incomplete percent-encoding', 'one%'],
    ['has a percent-encoding with invalid digits', '%zz'],
    ['is percent-encoded Latin-1', '%E9'],
    ['is percent-encoded half of a surrogate pair', '%ED%A0%80'],
  ])('%s', async (_, id) => {
    expectErrors(await update({ type: 'audio' }, `/${id}`), 'path')
    expectErrors(await service.call(agent, 'GET', `/${id}`), 'path')
  })
})

test('an id of 10,000 characters is rejected, with or without a body', async () => {
  for (const method of ['GET', 'PUT'] as const) {
    const reply = await service.call(
      agent,
      method,
      `/${'x'.repeat(10_000)}`,
      method === 'PUT' ? {} : undefined,
    )
    expect([400, 414]).toContain(reply.statusCode)
  }
})

test('one response names all errors of a part of the request; the path is checked before the body', async () => {
  const body = { type: [], data: 'x', version: {} }
  expectErrors(await update(body), 'type', 'data', 'version')
  expectErrors(await update(body, `/${'x'.repeat(256)}`), 'interactionId')
})

test.each([
  ['of 255 characters', 'x'.repeat(255)],
  ['of 255 characters beyond the basic plane', '😀'.repeat(255)],
  ['that differs by its case', 'ONE'],
  ['that differs by a space', 'one '],
  ['of a quote and a comment', "one' --"],
])('an id %s does not match', async (_, id) => {
  const path = `/${encodeURIComponent(id)}`
  expectProblem(await update({ type: 'audio' }, path), 404, 'not_found')
  expectProblem(await service.call(serviceToken(), 'GET', path), 404, 'not_found')
})

test('the body is validated before the interaction is looked up', async () => {
  expectErrors(await update({ type: {} }, '/nothing'), 'type')
})

test('an interaction of another organization cannot be updated, with any version', async () => {
  for (const version of [undefined, 0, 1]) {
    const reply = await update({ type: 'audio', version }, '/one', agentToken('globex'))
    expectProblem(reply, 403, 'forbidden')
    expect(reply.body).not.toContain('acme')
  }
})
