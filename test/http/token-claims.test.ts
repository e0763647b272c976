// Wrong claims in correctly signed tokens (contract §1).
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { otherKeyPem } from '../support/keys.ts'
import { agentToken, signTexts, signToken } from '../support/tokens.ts'
import { expectProblem } from './support/replies.ts'

const service = await startTestApp()
const status = async (token: string) => (await service.call(token, 'GET', '/nothing')).statusCode

const now = Math.floor(Date.now() / 1000)
const agent = { sub: 'agent-1', organization: 'acme', authorities: ['AGENT'] }
const claims = { ...agent, iss: 'http://localhost:8080', aud: 'interaction-api', iat: now, exp: now + 600 }

test.each([
  ['iss', ['http://localhost:8080', 'http://evil.example']],
  ['iss', ['http://evil.example', 'http://localhost:8080']],
  ['iss', { 0: 'http://localhost:8080' }],
  ['iss', 'HTTP://LOCALHOST:8080'],
  ['iss', 'http://localhost:8080/'],
  ['aud', { length: 1, 0: 'interaction-api' }],
  ['aud', 'interaction-api '],
  ['aud', 'interaction-api,other'],
  ['aud', ['other', 7]],
  ['sub', ['agent-1']],
  ['sub', { toString: 'agent-1' }],
])('a token is invalid whose %s is %j', async (claim, value) => {
  expect(await status(signToken({ ...agent, [claim]: value }))).toBe(401)
})

test.each([
  ['exp', '1e999'],
  ['exp', '-1e999'],
  ['exp', `"${now + 600}"`],
  ['exp', `[${now + 600}]`],
  ['exp', 'null'],
  ['exp', 'true'],
  ['exp', '0'],
  ['exp', '-1'],
  ['nbf', `"${now - 600}"`],
  ['nbf', '1e999'],
  ['nbf', `${now + 90}`],
])('a token is invalid whose %s is %s', async (claim, value) => {
  const { exp: _, ...rest } = claims
  const others = claim === 'exp' ? rest : claims
  const payload = `${JSON.stringify(others).slice(0, -1)},"${claim}":${value}}`
  expect(await status(signTexts('{"alg":"RS256"}', payload))).toBe(401)
})

test('the last of repeated claims counts, for the expiry and for the organization', async () => {
  const twice = (more: string) =>
    signTexts('{"alg":"RS256"}', JSON.stringify(claims).replace('{', `{${more},`))
  expect(await status(twice(`"exp":1`))).toBe(404)
  const { interactionId } = (await service.call(twice('"organization":"globex"'), 'POST', '', {})).json()
  expect((await service.call(agentToken('acme'), 'GET', `/${interactionId}`)).statusCode).toBe(200)
  expect((await service.call(agentToken('globex'), 'GET', `/${interactionId}`)).statusCode).toBe(403)
})

test('the clock may differ by a minute: a token is valid from its nbf until just before its exp', async () => {
  const second = () => Math.floor(Date.now() / 1000)
  // repeated until all requests fall into one second, so that both sides of the limit are seen
  for (let isOneSecond = false; !isOneSecond; ) {
    const at = second()
    const seen = await Promise.all(
      [{ nbf: at + 60 }, { nbf: at + 61 }, { exp: at - 60 }, { exp: at - 59 }, { exp: at - 58.5 }].map(
        (more) => status(signToken({ ...agent, ...more })),
      ),
    )
    isOneSecond = second() === at
    if (isOneSecond) expect(seen).toEqual([404, 401, 401, 404, 404])
  }
})

test('a token that is refused because of its nbf is accepted later', async () => {
  const nbf = Math.floor(Date.now() / 1000) + 62
  const token = signToken({ ...agent, nbf })
  expect(await status(token)).toBe(401)
  await expect.poll(() => status(token)).toBe(404)
  expect(Date.now()).toBeGreaterThanOrEqual((nbf - 60) * 1000)
})

test('a remembered token is refused by a server with another key', async () => {
  const other = await startTestApp({ JWT_PRIVATE_KEY: otherKeyPem })
  const token = agentToken()
  for (const _ of [1, 2]) {
    expect(await status(token)).toBe(404)
    expect((await other.call(token, 'GET', '/nothing')).statusCode).toBe(401)
  }
  const theirs = signToken(agent, { key: otherKeyPem })
  expect((await other.call(theirs, 'GET', '/nothing')).statusCode).toBe(404)
  expectProblem(await service.call(theirs, 'GET', '/nothing'), 401, 'invalid_token')
})
