// Tokens of an identity provider that runs as a process of its own, and is found by where it publishes its keys, or by
// its issuer.
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { expectProblem } from './support/replies.ts'
import { identityProvider, providerSettings } from './support/running-provider.ts'

describe.each<[string, string, (issuer: string) => Record<string, string>]>([
  ['where its keys are', '', (issuer) => ({ JWKS_URL: `${issuer}/jwks` })],
  ['its issuer', '', () => ({ JWT_ISSUER_DISCOVERY: 'true' })],
  ['its issuer that has a path', '/realms/acme', () => ({ JWT_ISSUER_DISCOVERY: 'true' })],
])('a provider that is found by %s', async (_how, prefix, place) => {
  const provider = await identityProvider(prefix)
  const settings = { ...providerSettings, JWT_ISSUER: provider.issuer, ...place(provider.issuer) }
  // the service is there first
  const { call, inject } = await startTestApp(settings)
  await provider.start()

  test.each(['RS256', 'ES256', 'EdDSA'])('may sign its tokens by %s', async (alg) => {
    const agent = await provider.ask('agent', `https://api.example/${alg}`)
    const { interactionId } = (await call(agent, 'POST', '', {})).json()
    const read = (await call(agent, 'GET', `/${interactionId}`)).json()
    expect(read).toMatchObject({ organizationId: 'acme', createdBy: 'agent' })
    const backend = await provider.ask('backend', `https://api.example/${alg}`)
    expect((await call(backend, 'GET', `/${interactionId}`)).statusCode).toBe(200)
  })

  test('lets in nowhere who has neither an organization nor a role there', async () => {
    expectProblem(await call(await provider.ask('visitor'), 'GET', '/x'), 403, 'forbidden')
  })

  test('is not believed in tokens for another audience, or with another signature', async () => {
    const elsewhere = await provider.ask('agent', 'https://elsewhere.example/RS256')
    expectProblem(await call(elsewhere, 'GET', '/x'), 401, 'invalid_token')
    const [header, payload] = (await provider.ask('agent')).split('.')
    const [, , signature] = (await provider.ask('backend')).split('.')
    expectProblem(await call(`${header}.${payload}.${signature}`, 'GET', '/x'), 401, 'invalid_token')
  })

  test('leaves no token endpoint here, and nothing that leads to one', async () => {
    for (const url of ['/security/oauth/jwks.json', '/.well-known/oauth-authorization-server'])
      expectProblem(await inject({ url }), 404, 'not_found')
    expectProblem(await inject({ method: 'POST', url: '/security/oauth/token' }), 404, 'not_found')
    const { paths } = (await inject({ url: '/openapi.json' })).json()
    expect(Object.keys(paths).filter((path) => !/^\/(rtc-api|health)\//.test(path))).toEqual([])
  })

  test('has tokens of new keys accepted within seconds, and of the old ones no more', async () => {
    const old = await provider.ask('agent')
    await provider.stop()
    await provider.start()
    const status = async (token: string) => (await call(token, 'GET', '/x')).statusCode
    const token = await provider.ask('agent')
    await expect.poll(() => status(token), { timeout: 15_000, interval: 200 }).toBe(404)
    expect(await status(old)).toBe(401)
  })

  test('may be gone while tokens are of the keys that it told', async () => {
    const [known, unseen] = [await provider.ask('agent'), await provider.ask('backend')]
    await provider.stop()
    try {
      expect((await call(known, 'GET', '/x')).statusCode).toBe(404)
      expect((await call(unseen, 'GET', '/x')).statusCode).toBe(404)
    } finally {
      await provider.start()
    }
  })
})
