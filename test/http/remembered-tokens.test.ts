// A token that was verified is remembered, and is no more for that than it was.
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, serviceToken, signToken } from '../support/tokens.ts'

const { call } = await startTestApp()
const status = async (token: string) => (await call(token, 'GET', '/missing')).statusCode

test('a remembered token is refused from the second in which it expires', async () => {
  const exp = Math.floor(Date.now() / 1000) + 2
  const token = signToken({ sub: 'agent-1', organization: 'acme', authorities: ['AGENT'], exp })
  let last = 404
  for (let before = Date.now(); last === 404; before = Date.now()) {
    last = await status(token)
    if (last === 404) expect(before).toBeLessThan(exp * 1000)
  }
  expect(last).toBe(401)
  expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000)
})

test('remembered tokens are told apart by each of their characters', async () => {
  const token = agentToken()
  expect(await status(token)).toBe(404)
  const [head = '', payload = '', signature = ''] = token.split('.')
  const other = signature.startsWith('A') ? 'B' : 'A'
  expect(await status(`${head}.${payload}.${other}${signature.slice(1)}`)).toBe(401)
  expect(await status(`${head}.${payload}.${signature.slice(0, -4)}`)).toBe(401)
  expect(await status(token)).toBe(404)
})

test('each caller stays who it is, however many there are', async () => {
  const service = serviceToken()
  expect(
    (await call(service, 'POST', '', { interactionId: 'one', organizationId: 'org-1' })).statusCode,
  ).toBe(200)
  // more than are remembered, so that some are forgotten and verified anew
  const tokens = Array.from({ length: 2100 }, (_, n) => agentToken(`org-${n}`))
  for (const round of [1, 2])
    for (const [n, token] of tokens.entries())
      expect([round, (await call(token, 'GET', '/one')).statusCode]).toEqual([round, n === 1 ? 200 : 403])
})
