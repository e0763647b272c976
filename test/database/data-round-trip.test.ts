// `data` is returned as the exact text that was sent: every digit, key, duplicate, escape and space.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amount } from '../support/amount.ts'
import { startTestApp } from '../support/app.ts'
import { always, dataText, query } from '../support/make.ts'
import { agentToken } from '../support/tokens.ts'

const { call } = await startTestApp()

const space = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n', '   ')
const number = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '1.0',
    '1e10',
    '1E+2',
    '1e-7',
    '12345678901234567890',
    '0.1000',
    '1e400',
    '5e-324',
  ),
  fc.constantFrom('9007199254740993', '-9223372036854775809', `${'1234567890'.repeat(30)}.${'0'.repeat(30)}`),
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?$/),
)
/** A character, literal or escaped. */
const character = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((one) => !/["\\\p{Cc}]/u.test(one)),
  fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '/', '\u007f', '\u2028', '\ufeff'),
  fc.constantFrom('\\u0001', '\\u00e9', '\\u00E9', 'é', 'e\u0301', '\\ud83d\\ude00', '\\uD83D\\uDE00', '😀'),
  fc.constantFrom('\\u0022', '\\u005c', '\\\\u0000', '\\uffff', '{', '}', '[', ']', ':', ','),
)
const text = fc.array(character, { maxLength: 12 }).map((characters) => `"${characters.join('')}"`)
const key = fc.oneof(
  text,
  fc.constantFrom(
    '"__proto__"',
    '"constructor"',
    '"toString"',
    '""',
    '"1"',
    '"10"',
    '"2"',
    '"a"',
    '"a"',
    '"b"',
  ),
  fc.constantFrom('"data"', '"\\u0064ata"', '"version"', '"customerId"', '"tags"', '"onHoldDuration"'),
)

const { object } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('true', 'false', 'null'),
    number,
    text,
    tie('array'),
    tie('object'),
  ),
  array: fc
    .tuple(space, fc.array(fc.tuple(space, tie('value'), space), { maxLength: 5 }))
    .map(([empty, items]) => `[${items.map((parts) => parts.join('')).join(',') || empty}]`),
  object: fc
    .tuple(
      space,
      fc.array(fc.tuple(space, key, space, fc.constant(':'), space, tie('value'), space), { maxLength: 6 }),
    )
    .map(([empty, members]) => `{${members.map((parts) => parts.join('')).join(',') || empty}}`),
}))

describe('the text of data is unchanged', () => {
  test('in GET and in the list, after POST', async () => {
    await fc.assert(
      fc.asyncProperty(object, space, async (data, gap) => {
        const token = agentToken(randomUUID())
        const id = randomUUID()
        const body = `{${gap}"interactionId":"${id}",${gap}"data"${gap}:${gap}${data}${gap}}`
        await expectStatus(200, call(token, 'POST', '', body))
        expect(await read(token, id)).toBe(data)
        expect(await list(token)).toBe(data)
      }),
      { numRuns: amount(150) },
    )
  })

  test('in GET and in the list, after PUT', async () => {
    const token = agentToken('put')
    await expectStatus(200, call(token, 'POST', '', { interactionId: 'put', data: { old: 1 } }))
    await fc.assert(
      fc.asyncProperty(object, space, async (data, gap) => {
        await expectStatus(
          204,
          call(token, 'PUT', '/put', `{"data":${gap}${data}${gap},"other":{"data":{}}}`),
        )
        expect(await read(token, 'put')).toBe(data)
        expect(await list(token)).toBe(data)
      }),
      { numRuns: amount(150) },
    )
  })

  test('after an update of another member', async () => {
    const token = agentToken('kept')
    const data = '{ "n":12345678901234567890, "n":1.0,\t"__proto__":{"x":-0} }'
    await expectStatus(200, call(token, 'POST', '', `{"interactionId":"kept","data":${data}}`))
    await expectStatus(204, call(token, 'PUT', '/kept', '{"type":"chat"}'))
    expect(await read(token, 'kept')).toBe(data)
  })

  test.each([
    ['999 levels deep', `{"a":${'['.repeat(998)}${']'.repeat(998)}}`],
    ['nearly 1 MiB long', `{"a":"${'é'.repeat(520_000)}"}`],
    ['a number of 100,000 digits', `{"a":${'7'.repeat(100_000)}}`],
    ['20,000 members of one name', `{${Array.from({ length: 20_000 }, (_, index) => `"a":${index}`)}}`],
  ])('when it is %s', async (_, data) => {
    const token = agentToken('large')
    const id = randomUUID()
    await expectStatus(200, call(token, 'POST', '', `{"interactionId":"${id}","data":${data}}`))
    expect((await read(token, id)) === data).toBe(true)
  })
})

test('the last of several members named data is stored', async () => {
  const token = agentToken('twice')
  await expectStatus(
    200,
    call(token, 'POST', '', '{"data":{"a":1},"interactionId":"twice","d\\u0061ta":{"a":2}}'),
  )
  expect(await read(token, 'twice')).toBe('{"a":2}')
})

test('an interaction without data is stored with an empty object', async () => {
  const token = agentToken('none')
  await expectStatus(200, call(token, 'POST', '', '{"interactionId":"none"}'))
  await expectStatus(200, call(token, 'POST', '', '{"interactionId":"null","data":null}'))
  expect(await read(token, 'none')).toBe('{}')
  expect(await read(token, 'null')).toBe('{}')
})

test.each([
  '{"a":"\\u0000"}',
  '{"\\u0000":1}',
  '{"a":"\\ud800"}',
  '{"a":["\\ude00\\ud83d"]}',
  '{"a":"\\ud83dx"}',
])('data that the database cannot store is rejected with an error for data: %s', async (data) => {
  const reply = await call(agentToken('refused'), 'POST', '', `{"data":${data}}`)
  expect(reply.statusCode).toBe(400)
  expect(Object.keys(reply.json())).toEqual(['data'])
})

async function expectStatus(status: number, calling: ReturnType<typeof call>): Promise<void> {
  const reply = await calling
  expect(reply.statusCode, reply.body).toBe(status)
}

async function read(token: string, id: string): Promise<string> {
  return dataText((await call(token, 'GET', `/${id}`)).body)
}

/** Returns the data of the only interaction of the organization. */
async function list(token: string): Promise<string> {
  return dataText((await call(token, 'GET', query(always))).body)
}
