// Attacks by request bodies: what they cost an honest caller of another organization, and how much memory (contract §9).
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { isFull } from '../faults/support/amount.ts'
import { openConnections, requestText } from '../faults/support/load.ts'
import { agentToken } from '../support/tokens.ts'
import { attackAndMeasure, expectFairness, serveTwoOrganizations } from './support/attack.ts'
import { holdConnections, repeatBytes } from './support/raw-connections.ts'

const mebibyte = 1_048_576
const json = 'application/json'
const form = 'application/x-www-form-urlencoded'

/** Returns a request with a body. */
function post(path: string, type: string, body: string, token?: string): Buffer {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: a\r\n${authorization}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}

/** Returns a request with a body in chunks of one byte, without its end. */
function chunked(path: string, type: string, bytes: number, token?: string): Buffer {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: a\r\n${authorization}Content-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(bytes)}`,
  )
}

const tokens = '/security/oauth/token'
const interactions = '/rtc-api/interactions'
const fill = (text: string, start = '', end = '') =>
  start + text.repeat((mebibyte - start.length - end.length) / text.length) + end
const members = `{${Array.from({ length: 70_000 }, (_, n) => `"m${n}":${n % 10}`).join(',')}}`

const many = isFull ? 4000 : 1000

/** Runs the attacks one after the other on one service. */
async function attackInTurn(
  attacks: Readonly<Record<string, Buffer>>,
  attack: (baseUrl: string, request: Buffer, over: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const attacked = await serveTwoOrganizations()
  const { baseUrl } = attacked.service
  for (const [name, request] of Object.entries(attacks))
    expectFairness(name, await attackAndMeasure(attacked, (over) => attack(baseUrl, request, over)))
}

const token = agentToken('attacker')

test('callers without a token cannot take memory by bodies that they do not finish', async () => {
  const attacks = {
    'large forms without their end': post(tokens, form, fill('x', 'client_id=')).subarray(0, -76),
    'large bodies for an unknown path': post('/nothing', json, fill('[],', '[', '[]]')).subarray(0, -76),
  }
  await attackInTurn(attacks, (baseUrl, request, over) => holdConnections(baseUrl, many, request, over))
})

test('small chunks take no more memory than their bytes', async () => {
  const attacked = await serveTwoOrganizations()
  for (const request of [chunked(tokens, form, 100_000), chunked(interactions, json, 100_000, token)]) {
    // Node calls back for each chunk, so that latency is not what can be promised.
    const { peakMegabytes } = await attackAndMeasure(attacked, (over) =>
      holdConnections(attacked.service.baseUrl, 50, request, over),
    )
    process.stdout.write(`small chunks: memory at most ${peakMegabytes.toFixed()} MB\n`)
    expect(peakMegabytes).toBeLessThan(400)
  }
})

test('neither callers without a token nor an organization can take time by bodies', async () => {
  const attacks = {
    'forms of 262,000 parameters': post(tokens, form, fill('a=b&')),
    'bodies of 1 MiB for an unknown path': post('/nothing', json, fill('[],', '[', '[]]')),
    'bodies of 70,000 members for an unknown path of the page': post('/docs/nothing', json, members),
    'bodies of 70,000 members': post(interactions, json, members, token),
    'bodies without their end': post(interactions, json, fill('1,', '{"a":['), token),
    'bodies of escapes': post(
      interactions,
      json,
      fill('\\ud83d\\ude00', '{"data":{"a":"', '\\ud83d"}}'),
      token,
    ),
  }
  await attackInTurn(attacks, repeat)
})

test('an organization cannot keep others from sending bodies by not finishing its own', async () => {
  const attacks = {
    'unfinished bodies of a byte': chunked(interactions, json, 1, token),
    'unfinished bodies of 1 MiB': post(
      interactions,
      json,
      fill('[],', '{"data":{"a":[', '[]]}}'),
      token,
    ).subarray(0, -76),
  }
  const body = `{"data":{"text":"${'x'.repeat(300_000)}"}}`
  // not of the honest caller's organization: its searches would become large
  const large = requestText(agentToken('another'), 'POST', '', body)
  const inChunks = large
    .replace(/Content-Length: .*/, 'Transfer-Encoding: chunked')
    .replace(body, `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)
  const statuses: number[] = []
  await attackInTurn(attacks, async (baseUrl, request, over) => {
    const held = holdConnections(baseUrl, 200, request, over)
    const [connection] = await openConnections(baseUrl, 1)
    for (; !over.aborted; await pause(200))
      for (const sent of [large, inChunks]) statuses.push((await connection?.send(sent))?.status ?? 0)
    connection?.close()
    await held
  })
  expect(statuses.filter((status) => status !== 200)).toEqual([])
})

async function repeat(baseUrl: string, request: Buffer, over: AbortSignal): Promise<void> {
  const statuses = await repeatBytes(baseUrl, 16, request, over)
  process.stdout.write(`statuses of the attackers: ${JSON.stringify([...statuses])}\n`)
}
