// GET /rtc-api/interactions with invalid parameters (contract §6, §7).
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'
import { expectErrors, expectProblem } from './support/replies.ts'
import { expectUntouched } from './support/untouched.ts'

const service = await startTestApp()
const agent = agentToken()
await service.call(agent, 'POST', '', { interactionId: 'one', type: 'chat' })
expectUntouched(service.database)

const start = 'start=2020-01-01T00:00:00Z'
const end = 'end=2099-01-01T00:00:00Z'
const range = `${start}&${end}`
const search = (query: string, token = agent) => service.call(token, 'GET', `?${query}`)

describe('start and end are required:', () => {
  test.each([
    ['', ['start', 'end']],
    [start, ['end']],
    [end, ['start']],
    ['start=&end=', ['start', 'end']],
    [`start=%20&${end}`, ['start']],
    [`start&${end}`, ['start']],
    [`Start=2020-01-01T00:00:00Z&${end}`, ['start']],
    [`start[]=2020-01-01T00:00:00Z&${end}`, ['start']],
  ])('?%s', async (query, names) => {
    const reply = await search(query)
    expectErrors(reply, ...names)
    for (const error of Object.values(reply.json())) expect(error).toMatch(/ISO 8601/)
  })
})

describe('start and end are rejected when they are', () => {
  test.each([
    'yesterday',
    '2025-01-20',
    '2025-01-20T22:00:00',
    '2025-01-20 22:00:00',
    '2025-01-20T22:00:00.1234567890Z',
    '2025-01-20T22:00:00ZZ',
    '2025-01-20T22:00:00Z, 2025',
    '2025-01-20T22:00:00%2B25:00',
    '2025-01-20T22:00:00%2B02:60',
    '2025-02-30T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-01-20T25:00:00Z',
    '2025-01-20T22:60:00Z',
    '20250120T220000Z',
    'infinity',
    'now',
    "2025-01-20T22:00:00Z'; drop table interactions; --",
    '%00',
    '2025-01-20T22:00:00Z%00',
    '٢٠٢٥-01-20T22:00:00Z',
  ])('%s', async (text) => {
    expectErrors(await search(`start=${encodeURI(decodeURIComponent(text))}&${end}`), 'start')
    expectErrors(await search(`${start}&end=${encodeURI(decodeURIComponent(text))}`), 'end')
  })
})

test('of several values of start the first one counts, even if it is invalid', async () => {
  expectErrors(await search(`start=x&${range}`), 'start')
  expect((await search(`${range}&start=x`)).statusCode).toBe(200)
})

test('an end before the start is rejected, even by a nanosecond', async () => {
  expectErrors(await search('start=2025-01-02T00:00:00Z&end=2025-01-01T00:00:00Z'), 'end')
  const reply = await search('start=2025-01-02T00:00:00.000000001Z&end=2025-01-02T00:00:00Z')
  expectErrors(reply, 'end')
})

test.each(['type', 'tags'])('%s may have 50 different words', async (name) => {
  const words = (count: number) => Array.from({ length: count }, (_, n) => `word-${n}`)
  expect((await search(`${range}&${name}=${words(50)}`)).statusCode).toBe(200)
  expect((await search(`${range}&${name}=${words(50)},word-0&${name}=word-1`)).statusCode).toBe(200)
  const reply = await search(`${range}&${name}=${words(50)}&${name}=other`)
  expectErrors(reply, name)
  expect(reply.json()).toEqual({ [name]: 'must have at most 50 different words' })
})

describe('an invalid parameter is rejected:', () => {
  test.each([
    ['recording', 'audio'],
    ['recording', 'MEDIA'],
    ['recording', 'media,video'],
    ['recording', 'no_'],
    ['recording', 'media_no'],
    ['onHoldDurationGt', 'long'],
    ['onHoldDurationGt', '1s'],
    ['onHoldDurationGt', 'NaN'],
    ['onHoldDurationGt', 'Infinity'],
    ['onHoldDurationGt', '0x10'],
    ['onHoldDurationGt', '1,5'],
    ['onHoldDurationGt', '1%00'],
    ['onHoldDurationLt', 'long'],
    ['onHoldDurationLt', '1e'],
    ['onHoldDurationLt', '--1'],
    ['onHoldDurationLt', 'null'],
    ['sort', 'data'],
    ['sort', 'createdat'],
    ['sort', 'created_at'],
    ['sort', 'createdAt,desc,id'],
    ['sort', 'createdAt,descending'],
    ['sort', 'createdAt,ignorecase,desc'],
    ['sort', 'createdAt:desc'],
    ['sort', 'id;drop table interactions'],
    ['sort', '__proto__'],
    ['sort', 'constructor'],
    ['sort', 'id%00'],
    ['type', 'chat%00'],
    ['userId', '%00'],
    ['customerId', 'a%00b'],
    ['conferenceId', '%00'],
    ['tags', 'vip,%00'],
  ])('%s=%s', async (name, value) => {
    expectErrors(await search(`${range}&${name}=${value}`), name)
  })

  test('organizationId with NUL', async () => {
    expectErrors(await search(`${range}&organizationId=%00`, serviceToken()), 'organizationId')
  })

  test('one response names all errors', async () => {
    const query = 'end=x&sort=x&recording=x&onHoldDurationGt=x&onHoldDurationLt=x&userId=%00'
    expectErrors(
      await search(query),
      'start',
      'end',
      'sort',
      'recording',
      'onHoldDurationGt',
      'onHoldDurationLt',
      'userId',
    )
  })
})

test('an AGENT that names another organization gets 403', async () => {
  expectProblem(await search(`${range}&organizationId=globex`), 403, 'forbidden')
  expectProblem(await search(`${range}&organizationId=ACME`), 403, 'forbidden')
  expect((await search(`${range}&organizationId=acme`)).statusCode).toBe(200)
})

describe('page and size are never rejected:', () => {
  test.each([
    ['page=-1&size=0', 0, 20],
    ['page=abc&size=abc', 0, 20],
    ['page=1.0&size=1.5', 0, 20],
    ['page=1e3&size=-5', 0, 20],
    ['page=99999999999&size=99999999999', 0, 20],
    ['page=&size=', 0, 20],
    ['page=%20&size=%00', 0, 20],
    ['page=2147483647&size=2001', 2_147_483_647, 2000],
    ['page=2147483648&size=2147483647', 0, 2000],
    ['page=%2B5&size=007', 5, 7],
    ['page=1&page=2&size=3&size=4', 1, 3],
  ])('%s', async (query, number, size) => {
    expect((await search(`${range}&${query}`)).json()).toMatchObject({ number, size })
  })
})

describe('no value of a parameter causes an internal error:', () => {
  const values = [
    "'",
    '"',
    '\\',
    '%25',
    '%',
    '%zz',
    '%ED%A0%80',
    '%FF',
    '{}',
    '[]',
    '$1',
    'null',
    ',',
    ' , ',
    '😀',
  ]
  test.each([
    'page',
    'size',
    'sort',
    'start',
    'end',
    'type',
    'userId',
    'recording',
    'customerId',
    'conferenceId',
    'tags',
    'onHoldDurationGt',
    'onHoldDurationLt',
    'organizationId',
    '__proto__',
    'constructor',
  ])('%s', async (name) => {
    for (const value of [...values, 'x'.repeat(5000)])
      for (const query of [`${name}=${value}&${range}`, `${range}&${name}=${value}&${name}=${value}`]) {
        const reply = await search(query, serviceToken())
        expect([query, reply.statusCode]).toEqual([query, expect.toBeOneOf([200, 400])])
      }
  })
})
