// Verified tokens are remembered, which gives them no other or longer access.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { defaultScopes, revokeClient } from '../../src/auth/clients/clients.ts'
import { amount } from '../support/amount.ts'
import { startTestApp } from '../support/app.ts'
import { createClient } from '../support/clients.ts'
import { agentToken, serviceToken, signToken } from '../support/tokens.ts'

const { call, database, inject } = await startTestApp({ LOG_LEVEL: 'warn', JWT_CLOCK_SKEW_SECONDS: '0' })
const status = async (token: string) => (await call(token, 'GET', '/missing')).statusCode

test('a remembered token is refused from the second of its expiry', async () => {
  const exp = Math.floor(Date.now() / 1000) + 2
  const token = signToken({ sub: 'agent-1', organization: 'acme', authorities: ['AGENT'], exp })
  expect(await status(token)).toBe(404)
  await sleep(exp * 1000 - 200 - Date.now())
  let last = 404
  for (let before = Date.now(); last === 404; before = Date.now()) {
    last = await status(token)
    if (last === 404) expect(before).toBeLessThan(exp * 1000)
  }
  expect(last).toBe(401)
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000)
})

test('of many requests around the expiry of their token, none is served after it', async () => {
  const exp = Math.floor(Date.now() / 1000) + 3
  const token = signToken({ sub: 'agent-1', organization: 'acme', authorities: ['AGENT'], exp })
  expect(await status(token)).toBe(404)
  await sleep(exp * 1000 - 1000 - Date.now())
  const served = { before: 0, after: 0 }
  for (let sent = 0; sent < amount(10_000) || served.after === 0; sent += 100) {
    const requests = Array.from({ length: 100 }, async () => {
      const began = Date.now()
      const statusCode = await status(token)
      return { began, statusCode, ended: Date.now() }
    })
    for (const { began, statusCode, ended } of await Promise.all(requests))
      if (statusCode === 404) {
        expect(began).toBeLessThan(exp * 1000)
        served.before++
      } else {
        expect([statusCode, ended >= exp * 1000]).toEqual([401, true])
        served.after++
      }
  }
  expect(served.before).toBeGreaterThan(0)
})

test('a revoked client gets no more tokens, and its remembered token stays valid until it expires', async () => {
  const client = {
    clientId: 'leaving',
    role: 'AGENT',
    organizationId: 'acme',
    scopes: defaultScopes,
  } as const
  await createClient(database.kysely, client, 'secret')
  const ask = () =>
    inject({
      method: 'POST',
      url: '/security/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'grant_type=client_credentials&client_id=leaving&client_secret=secret',
    })
  const token: string = (await ask()).json().access_token
  expect(await status(token)).toBe(404)
  expect(await revokeClient(database.kysely, 'leaving')).toBe(true)
  expect((await ask()).statusCode).toBe(401)
  expect(await status(token)).toBe(404)
})

test('remembered tokens are compared in full', async () => {
  const token = agentToken()
  expect(await status(token)).toBe(404)
  const [head = '', payload = '', signature = ''] = token.split('.')
  const other = signature.startsWith('A') ? 'B' : 'A'
  expect(await status(`${head}.${payload}.${other}${signature.slice(1)}`)).toBe(401)
  expect(await status(`${head}.${payload}.${signature.slice(0, -4)}`)).toBe(401)
  expect(await status(`${head}.${serviceToken().split('.')[1]}.${signature}`)).toBe(401)
  expect(await status(token)).toBe(404)
})

test('callers are not mixed up when there are more than are remembered', async () => {
  const service = serviceToken()
  expect(
    (await call(service, 'POST', '', { interactionId: 'one', organizationId: 'org-1' })).statusCode,
  ).toBe(200)
  // more than are remembered, so that the first 100 are dropped and verified again
  const tokens = Array.from({ length: 2100 }, (_, n) => agentToken(`org-${n}`))
  const check = async (callers: readonly number[]) => {
    for (let from = 0; from < callers.length; from += 100) {
      const some = callers.slice(from, from + 100)
      const read = async (n: number) => [n, (await call(tokens[n] ?? '', 'GET', '/one')).statusCode]
      expect(await Promise.all(some.map(read))).toEqual(some.map((n) => [n, n === 1 ? 200 : 403]))
    }
  }
  const all = [...tokens.keys()]
  await check(all)
  // dropped ones and remembered ones in turn
  await check(all.slice(0, 50).flatMap((n) => [n, all.length - 1 - n]))
  await check(all)
})
