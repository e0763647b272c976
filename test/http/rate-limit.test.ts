// A limit of requests by client, which operators can set (draft-ietf-httpapi-ratelimit-headers).
import { expect, onTestFinished, test, vi } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'

const unlimited = await startTestApp()
const limited = await startTestApp({ RATE_LIMIT_PER_CLIENT: '3' })

const read = (service: typeof limited, token: string) => service.call(token, 'GET', '/nothing')

/** Stops the clock, so that all requests are in one second. */
function stopClock() {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
}

test('a client gets 429 for more requests in a second than are allowed, with its quota in headers', async () => {
  stopClock()
  const token = agentToken('acme', 'limited')
  const replies = []
  for (let request = 0; request < 5; request++) replies.push(await read(limited, token))
  expect(replies.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 429, 429])
  expect(replies.map(({ headers }) => headers.ratelimit)).toEqual(
    [2, 1, 0, 0, 0].map((remaining) => `"client";r=${remaining};t=1`),
  )
  for (const { headers } of replies) expect(headers['ratelimit-policy']).toBe('"client";q=3;w=1')
  expect(replies[4]?.headers['retry-after']).toBe('1')
  const { paths } = (await limited.inject({ url: '/openapi.json' })).json()
  const { example } = paths['/rtc-api/interactions'].get.responses[429].content['application/json']
  expect(replies[4]?.json()).toEqual(example)
  vi.setSystemTime(Date.now() + 1_001)
  expect((await read(limited, token)).statusCode).toBe(404)
})

test('clients are counted by themselves: other users, other organizations, a SERVICE of the same name', async () => {
  stopClock()
  const used = agentToken('acme', 'same')
  for (let request = 0; request < 4; request++) await read(limited, used)
  expect((await read(limited, used)).statusCode).toBe(429)
  for (const token of [agentToken('acme', 'other'), agentToken('globex', 'same'), serviceToken('same')])
    expect((await read(limited, token)).statusCode).toBe(404)
})

test('requests without a valid token count for nobody', async () => {
  for (let request = 0; request < 5; request++)
    expect((await limited.inject({ url: '/rtc-api/interactions/nothing' })).statusCode).toBe(401)
})

test('without the setting there is no limit and no header', async () => {
  const replies = await Promise.all(Array.from({ length: 50 }, () => read(unlimited, agentToken())))
  for (const { statusCode, headers } of replies) {
    expect(statusCode).toBe(404)
    expect(headers).not.toHaveProperty('ratelimit')
  }
})
