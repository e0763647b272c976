// POST /rtc-api/interactions with invalid members: the response names them, and nothing is stored (contract §7).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'
import { expectErrors, expectProblem } from './support/replies.ts'
import { expectUntouched } from './support/untouched.ts'

const service = await startTestApp()
const agent = agentToken()
await service.call(agent, 'POST', '', { interactionId: 'taken', type: 'chat', data: { kept: true } })
expectUntouched(service.database)

const create = (body: unknown, token = agent) => service.call(token, 'POST', '', body)
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

const badIdentifiers: [string, unknown][] = [
  ['has 256 characters', 'x'.repeat(256)],
  ['has 256 characters beyond the basic plane', '😀'.repeat(256)],
  ['contains NUL', 'a\u0000b'],
  ['contains a high surrogate alone', 'a\ud800b'],
  ['contains a low surrogate alone', 'a\udc00b'],
  ['is an object', {}],
  ['is an array', ['x']],
]

describe.each(['interactionId', 'type'])('%s is rejected when it', (name) => {
  test.each(badIdentifiers)('%s', async (_, value) => {
    expectErrors(await create({ [name]: value }), name)
  })

  test('is a number of more than 255 digits', async () => {
    expectErrors(await create(`{"${name}":${'1'.repeat(256)}}`), name)
  })
})

test.each(['', '.', '..'])('interactionId is rejected when it is "%s"', async (interactionId) => {
  expectErrors(await create({ interactionId }), 'interactionId')
})

describe('organizationId of a SERVICE is rejected when it', () => {
  test.each([...badIdentifiers, ['is empty', ''], ['is null', null], ['is missing', undefined]])(
    '%s',
    async (_, organizationId) => {
      expectErrors(await create({ type: 'chat', organizationId }, serviceToken()), 'organizationId')
    },
  )
})

test.each([[{}], [['acme']]])(
  'organizationId of an AGENT is ignored, but rejected when it is %j',
  async (value) => {
    expectErrors(await create({ organizationId: value }), 'organizationId')
  },
)

describe('data is rejected when it', () => {
  test.each([
    ['is an array', '[]'],
    ['is a string', '"{}"'],
    ['is a number', '5'],
    ['is a boolean', 'false'],
    ['contains \\u0000 in a string', String.raw`{"a":"\u0000"}`],
    ['contains \\u0000 in a nested value', String.raw`{"a":[{"b":["x\u0000y"]}]}`],
    ['contains \\u0000 in a name', String.raw`{"a\u0000":1}`],
    ['contains \\u0000 after an escaped backslash', String.raw`{"a":"\\\u0000"}`],
    ['contains a high surrogate alone', String.raw`{"a":"\ud800"}`],
    ['contains a high surrogate before another character', String.raw`{"a":"\uD83Dx"}`],
    ['contains a low surrogate alone', String.raw`{"a":"\udc00"}`],
    ['contains a pair in the wrong order', String.raw`{"a":"\ude00\ud83d"}`],
    ['contains two high surrogates', String.raw`{"a":"\ud83d\ud83d\ude00"}`],
    ['contains half of a surrogate pair in a name', String.raw`{"\udfff":1}`],
  ])('%s', async (_, data) => {
    expectErrors(await create(`{"interactionId":"never","data":${data}}`), 'data')
  })

  test('contains an escape that cannot be stored, and the error names the escape', async () => {
    const reply = await create(String.raw`{"data":{"a":"\u0000"}}`)
    expect(reply.json().data).toMatch(/\\u0000/)
  })
})

test('one response names all errors', async () => {
  const body = { interactionId: '', type: ['x'], data: 5, organizationId: 'x'.repeat(256) }
  expectErrors(await create(body, serviceToken()), 'interactionId', 'type', 'data', 'organizationId')
  const deep = `{"type":[],"unknown":${nested(1000)}}`
  expectErrors(await create(deep, serviceToken()), 'type', 'organizationId', 'body')
})

test.each([
  ['array', (levels: number) => `{"data":{"a":${nested(levels)}}}`],
  ['object', (levels: number) => `{"data":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`],
  ['array outside of data', (levels: number) => `{"unknown":${nested(levels)}}`],
])('a body with 100,000 nested levels of %s is rejected', async (_, body) => {
  const reply = await create(body(100_000))
  expect(reply.statusCode).toBe(400)
  expect(Object.values(reply.json())).toEqual([expect.stringMatching(/\w/)])
})

test('a body of 100,000 nested arrays is rejected', async () => {
  expectErrors(await create(nested(100_000)), 'body')
})

describe('a body that is not a JSON object is rejected:', () => {
  test.each([
    ['nothing', ''],
    ['white space', ' \n\t'],
    ['null', 'null'],
    ['an array', '[{"interactionId":"never"}]'],
    ['a string', '"{}"'],
    ['a number', '5'],
    ['an unterminated object', '{"interactionId":"never"'],
    ['two objects', '{"interactionId":"never"}{}'],
    ['a trailing comma', '{"interactionId":"never",}'],
    ['single quotes', "{'interactionId':'never'}"],
    ['a name without quotes', '{interactionId:"never"}'],
    ['a comment', '{/* */"interactionId":"never"}'],
    ['NaN', '{"interactionId":"never","data":{"a":NaN}}'],
    ['a number with a leading zero', '{"interactionId":"never","data":{"a":01}}'],
    ['a raw line break in a string', '{"interactionId":"never\n"}'],
    ['an unknown escape', String.raw`{"interactionId":"\x41"}`],
    ['a form', 'interactionId=never'],
  ])('%s', async (_, body) => {
    expectErrors(await create(body), 'body')
  })

  test.each([
    ['a byte that never occurs in UTF-8', Buffer.from([0xff])],
    ['a truncated character', Buffer.from([0xf0, 0x9f])],
    ['half of a surrogate pair', Buffer.from([0xed, 0xa0, 0x80])],
    ['an overlong encoding', Buffer.from([0xc0, 0xaf])],
    ['Latin-1', Buffer.from('é', 'latin1')],
  ])('invalid UTF-8: %s', async (_, bytes) => {
    const payload = Buffer.concat([
      Buffer.from('{"interactionId":"never","type":"'),
      bytes,
      Buffer.from('"}'),
    ])
    const headers = { authorization: `Bearer ${agent}`, 'content-type': 'application/json' }
    expectErrors(
      await service.inject({ method: 'POST', url: '/rtc-api/interactions', headers, payload }),
      'body',
    )
  })
})

test('an existing id is a conflict in every organization and changes nothing', async () => {
  const body = { interactionId: 'taken', type: 'video', data: { other: true } }
  expectProblem(await create(body), 409, 'conflict')
  expectProblem(await create(body, agentToken('globex')), 409, 'conflict')
  expectProblem(await create({ ...body, organizationId: 'globex' }, serviceToken()), 409, 'conflict')
})
