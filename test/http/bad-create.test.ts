// POST /rtc-api/interactions with members that are not acceptable: refused by name, and nothing is stored (contract §7).
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
  ['is empty', ''],
  ['has 256 characters', 'x'.repeat(256)],
  ['has 256 characters beyond the basic plane', '😀'.repeat(256)],
  ['holds NUL', 'a\u0000b'],
  ['holds half of a surrogate pair', 'a\ud800b'],
  ['holds the other half of a surrogate pair', 'a\udc00b'],
  ['is an object', {}],
  ['is an array', ['x']],
]

describe.each(['interactionId', 'type'])('%s is named when it', (name) => {
  test.each(badIdentifiers)('%s', async (_, value) => {
    expectErrors(await create({ [name]: value }), name)
  })

  test('is a number of more than 255 digits', async () => {
    expectErrors(await create(`{"${name}":${'1'.repeat(256)}}`), name)
  })
})

describe('organizationId of a SERVICE is named when it', () => {
  test.each([...badIdentifiers, ['is null', null], ['is missing', undefined]])(
    '%s',
    async (_, organizationId) => {
      expectErrors(await create({ type: 'chat', organizationId }, serviceToken()), 'organizationId')
    },
  )
})

test.each([[{}], [['acme']]])('organizationId of an AGENT is ignored, but must not be %j', async (value) => {
  expectErrors(await create({ organizationId: value }), 'organizationId')
})

describe('data is named when it', () => {
  test.each([
    ['is an array', '[]'],
    ['is a string', '"{}"'],
    ['is a number', '5'],
    ['is a boolean', 'false'],
    ['holds \\u0000 in a string', String.raw`{"a":"\u0000"}`],
    ['holds \\u0000 deep inside', String.raw`{"a":[{"b":["x\u0000y"]}]}`],
    ['holds \\u0000 in a name', String.raw`{"a\u0000":1}`],
    ['holds \\u0000 behind an escaped backslash', String.raw`{"a":"\\\u0000"}`],
    ['holds a high surrogate alone', String.raw`{"a":"\ud800"}`],
    ['holds a high surrogate before another character', String.raw`{"a":"\uD83Dx"}`],
    ['holds a low surrogate alone', String.raw`{"a":"\udc00"}`],
    ['holds a pair in the wrong order', String.raw`{"a":"\ude00\ud83d"}`],
    ['holds two high surrogates', String.raw`{"a":"\ud83d\ud83d\ude00"}`],
    ['holds half of a surrogate pair in a name', String.raw`{"\udfff":1}`],
  ])('%s', async (_, data) => {
    expectErrors(await create(`{"interactionId":"never","data":${data}}`), 'data')
  })

  test('holds what cannot be stored, saying so', async () => {
    const reply = await create(String.raw`{"data":{"a":"\u0000"}}`)
    expect(reply.json().data).toMatch(/\\u0000/)
  })
})

test('all that is wrong is named at once', async () => {
  const body = { interactionId: '', type: ['x'], data: 5, organizationId: 'x'.repeat(256) }
  expectErrors(await create(body, serviceToken()), 'interactionId', 'type', 'data', 'organizationId')
})

test.each([
  ['array', (levels: number) => `{"data":{"a":${nested(levels)}}}`],
  ['object', (levels: number) => `{"data":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`],
  ['array outside of data', (levels: number) => `{"unknown":${nested(levels)}}`],
])('a body that nests 100,000 levels of %s is refused', async (_, body) => {
  const reply = await create(body(100_000))
  expect(reply.statusCode).toBe(400)
  expect(Object.values(reply.json())).toEqual([expect.stringMatching(/\w/)])
})

test('a body that is nothing but 100,000 arrays is refused', async () => {
  expectErrors(await create(nested(100_000)), 'body')
})

describe('a body that is no JSON object is refused:', () => {
  test.each([
    ['nothing', ''],
    ['white space', ' \n\t'],
    ['null', 'null'],
    ['an array', '[{"interactionId":"never"}]'],
    ['a string', '"{}"'],
    ['a number', '5'],
    ['an object that does not end', '{"interactionId":"never"'],
    ['two objects', '{"interactionId":"never"}{}'],
    ['a comma too many', '{"interactionId":"never",}'],
    ['single quotes', "{'interactionId':'never'}"],
    ['a name without quotes', '{interactionId:"never"}'],
    ['a comment', '{/* */"interactionId":"never"}'],
    ['NaN', '{"interactionId":"never","data":{"a":NaN}}'],
    ['a number with a leading zero', '{"interactionId":"never","data":{"a":01}}'],
    ['a raw line break in a string', '{"interactionId":"never\n"}'],
    ['an escape that there is not', String.raw`{"interactionId":"\x41"}`],
    ['a form', 'interactionId=never'],
  ])('%s', async (_, body) => {
    expectErrors(await create(body), 'body')
  })

  test.each([
    ['a byte that never occurs', Buffer.from([0xff])],
    ['a character cut in half', Buffer.from([0xf0, 0x9f])],
    ['half of a surrogate pair', Buffer.from([0xed, 0xa0, 0x80])],
    ['a character in more bytes than it needs', Buffer.from([0xc0, 0xaf])],
    ['Latin-1', Buffer.from('é', 'latin1')],
  ])('what is no UTF-8, having %s', async (_, bytes) => {
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

test('an id that is taken is a conflict, in whichever organization, and changes nothing', async () => {
  const body = { interactionId: 'taken', type: 'video', data: { other: true } }
  expectProblem(await create(body), 409, 'conflict')
  expectProblem(await create(body, agentToken('globex')), 409, 'conflict')
  expectProblem(await create({ ...body, organizationId: 'globex' }, serviceToken()), 409, 'conflict')
})
