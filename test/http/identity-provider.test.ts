// Tokens of an identity provider that runs as a process of its own, and is found by where it publishes its keys.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import * as openid from 'openid-client'
import { afterAll, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { freePort } from './support/listening.ts'
import { expectProblem } from './support/replies.ts'

const port = await freePort()
const issuer = `http://127.0.0.1:${port}`
const program = new URL('./support/identity-provider.js', import.meta.url)

let provider = await startProvider()
afterAll(() => stopProvider())

const { call, inject } = await startTestApp({
  JWKS_URL: `${issuer}/jwks`,
  JWT_ISSUER: issuer,
  JWT_AUTHORITIES_CLAIM: 'roles',
  JWT_ORGANIZATION_CLAIM: 'tenant',
  TOKEN_ENDPOINT: 'false',
})

async function startProvider(): Promise<ChildProcess> {
  const started = fork(program, { env: { PORT: String(port) }, stdio: 'ignore' })
  await once(started, 'message')
  return started
}

async function stopProvider(): Promise<void> {
  const exited = once(provider, 'exit')
  provider.kill()
  await exited
}

async function askProvider(clientId: string, resource = 'https://api.example/RS256'): Promise<string> {
  const configuration = await openid.discovery(new URL(issuer), clientId, 'secret', undefined, {
    execute: [openid.allowInsecureRequests],
  })
  return (await openid.clientCredentialsGrant(configuration, { resource })).access_token
}

test.each(['RS256', 'ES256', 'EdDSA'])('a token that the provider signed by %s is accepted', async (alg) => {
  const agent = await askProvider('agent', `https://api.example/${alg}`)
  const { interactionId } = (await call(agent, 'POST', '', {})).json()
  const read = (await call(agent, 'GET', `/${interactionId}`)).json()
  expect(read).toMatchObject({ organizationId: 'acme', createdBy: 'agent' })
  const backend = await askProvider('backend', `https://api.example/${alg}`)
  expect((await call(backend, 'GET', `/${interactionId}`)).statusCode).toBe(200)
})

test('who has neither an organization nor a role there is let in nowhere', async () => {
  expectProblem(await call(await askProvider('visitor'), 'GET', '/x'), 403, 'forbidden')
})

test('a token of the provider for another audience, or with another signature, is refused', async () => {
  const elsewhere = await askProvider('agent', 'https://elsewhere.example/RS256')
  expectProblem(await call(elsewhere, 'GET', '/x'), 401, 'invalid_token')
  const [header, payload] = (await askProvider('agent')).split('.')
  const [, , signature] = (await askProvider('backend')).split('.')
  expectProblem(await call(`${header}.${payload}.${signature}`, 'GET', '/x'), 401, 'invalid_token')
})

test('there is no token endpoint, and nothing that leads to one', async () => {
  for (const url of ['/security/oauth/jwks.json', '/.well-known/oauth-authorization-server'])
    expectProblem(await inject({ url }), 404, 'not_found')
  expectProblem(await inject({ method: 'POST', url: '/security/oauth/token' }), 404, 'not_found')
  const { paths } = (await inject({ url: '/openapi.json' })).json()
  expect(Object.keys(paths).filter((path) => !/^\/(rtc-api|health)\//.test(path))).toEqual([])
})

test('when the provider changes its keys, tokens of the new ones are accepted within seconds, of the old ones no more', async () => {
  const old = await askProvider('agent')
  await stopProvider()
  provider = await startProvider()
  const status = async (token: string) => (await call(token, 'GET', '/x')).statusCode
  const token = await askProvider('agent')
  await expect.poll(() => status(token), { timeout: 15_000, interval: 200 }).toBe(404)
  expect(await status(old)).toBe(401)
})

test('while the provider is gone, tokens of the keys that it told are accepted', async () => {
  const [known, unseen] = [await askProvider('agent'), await askProvider('backend')]
  await stopProvider()
  try {
    expect((await call(known, 'GET', '/x')).statusCode).toBe(404)
    expect((await call(unseen, 'GET', '/x')).statusCode).toBe(404)
  } finally {
    provider = await startProvider()
  }
})
