// No value in `data` makes a write fail or a search respond with 500 (contract §6).
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amount } from '../support/amount.ts'
import { startTestApp } from '../support/app.ts'
import { always, dataText, query } from '../support/make.ts'
import { agentToken } from '../support/tokens.ts'

const { call } = await startTestApp()

const names = [
  'customerId',
  'conferenceId',
  'roomName',
  'recorderId',
  'cobrowseRecorderId',
  'tags',
  'onHoldDuration',
]

const filters = {
  customerId: '1',
  conferenceId: '1',
  recording: 'media,cobrowse',
  tags: 'x,1',
  onHoldDurationGt: '0',
  onHoldDurationLt: '0',
}

const megabyte = 'x'.repeat(900_000)
const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)

const extremes = [
  ...[
    '1e400',
    '-1e400',
    '-0',
    '1e999999',
    '1e-999999',
    '1e131072',
    '[1e999999]',
    '{"a":1e999999}',
    '-0.0e-0',
  ],
  ...['9'.repeat(64), '9'.repeat(65), '9'.repeat(5000), `0.${'1'.repeat(20_000)}`, `1e${'9'.repeat(300)}`],
  ...[
    '"NaN"',
    '"Infinity"',
    '"1e400"',
    '""',
    '"\\""',
    '"\\\\"',
    '"\\u0022"',
    '" "',
    '"\\n"',
    '"null"',
    'null',
  ],
  ...[
    '"\\ud83d\\ude00"',
    '"\\ud83d\\ude00x"',
    '["\\ud83d\\ude00"]',
    '"\\u00e9"',
    '"\\u005c"',
    '["\\u002c","]["]',
  ],
  ...[`"${'😀'.repeat(255)}"`, `"${'😀'.repeat(256)}"`, `"${'\\ud83d\\ude00'.repeat(255)}"`],
  ...[`"${megabyte}"`, `["${megabyte}"]`, `["x","${megabyte}"]`, `[${'"x",'.repeat(100_000)}1]`],
  ...[`["${'\\\\'.repeat(400_000)}"]`, `["${'\\"'.repeat(400_000)}"]`, `[${'"",'.repeat(200_000)}""]`],
  ...[
    nested('[', ']', 990),
    nested('{"tags":', '}', 990).replace(':}', ':1}'),
    `["x",${nested('[', ']', 900)}]`,
  ],
  ...[
    `{${Array.from({ length: 20_000 }, (_, key) => `"${key}":1`)}}`,
    '[[["x"]]]',
    '{"x":"x"}',
    '["x",null]',
  ],
]

const anyJson = fc.oneof(
  fc
    .jsonValue({ stringUnit: 'binary', maxDepth: 5 })
    .map((value) => JSON.stringify(value))
    // contract §7: PostgreSQL cannot store it
    .filter((text) => !text.includes('\\u0000')),
  fc
    .array(fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\u0000')))
    .map((texts) => JSON.stringify(texts)),
  fc.double().map((number) => JSON.stringify(number)),
  fc.bigInt().map(String),
)

describe('any JSON value in a member that filters read', () => {
  test.each(extremes.map((json) => ({ json, sample: json.slice(0, 30) })))(
    'is stored and returned, and breaks no search: $sample',
    async ({ json }) => {
      await expectHarmless(
        names.map((name) => `{"${name}":${json}}`),
        agentToken(randomUUID()),
      )
    },
  )

  test('is stored and returned, and breaks no search, when it is random', async () => {
    const members = fc.array(fc.tuple(fc.constantFrom(...names), anyJson), { maxLength: 8 })
    await fc.assert(
      // a name may occur twice
      fc.asyncProperty(members, async (chosen) => {
        const data = `{${chosen.map(([name, json]) => `"${name}":${json}`)}}`
        await expectHarmless([data], agentToken(randomUUID()))
      }),
      { numRuns: amount(100) },
    )
  })

  test('does not hide other interactions from a search', async () => {
    const token = agentToken('among-traps')
    const good = '{"customerId":"1","roomName":"1","recorderId":"r","cobrowseRecorderId":"c","tags":["x"]}'
    await call(token, 'POST', '', `{"interactionId":"good","data":${good}}`)
    for (const name of names) {
      const small = extremes.filter((json) => json.length < 10_000)
      await Promise.all(small.map((json) => call(token, 'POST', '', `{"data":{"${name}":${json}}}`)))
    }
    for (const [name, value] of Object.entries(filters).slice(0, 4)) {
      const reply = await call(token, 'GET', query({ ...always, [name]: value, size: '2000' }))
      expect(reply.json().content.map(({ id }: { id: string }) => id)).toContain('good')
    }
  })
})

async function expectHarmless(stored: readonly string[], token: string): Promise<void> {
  for (const data of stored) {
    const created = await call(token, 'POST', '', `{"type":"chat","data":${data}}`)
    expect(created.statusCode, `${data.slice(0, 100)}: ${created.body}`).toBe(200)
    const read = await call(token, 'GET', `/${created.json().interactionId}`)
    expect(dataText(read.body) === data, `${data.slice(0, 100)} is returned byte for byte`).toBe(true)
  }
  for (const [name, value] of Object.entries(filters)) {
    const reply = await call(token, 'GET', query({ ...always, [name]: value, size: '1' }))
    expect(reply.statusCode, `${name}: ${reply.body.slice(0, 300)}`).toBe(200)
  }
}
