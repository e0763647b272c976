// Tokens of an identity provider that runs as a separate process, configured by the URL of its keys or by its issuer.
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { skipTime } from './support/clock.ts'
import { expectProblem } from './support/replies.ts'
import { identityProviders, providerSettings } from './support/running-provider.ts'

const newProvider = identityProviders()

describe.each<[string, string, (issuer: string) => Record<string, string>]>([
  ['the URL of its keys', '', (issuer) => ({ JWKS_URL: `${issuer}/jwks` })],
  ['its issuer', '', () => ({ JWT_ISSUER_DISCOVERY: 'true' })],
  ['its issuer with a path', '/realms/acme', () => ({ JWT_ISSUER_DISCOVERY: 'true' })],
])('a provider that is configured by %s', async (_how, prefix, toSettings) => {
  const provider = await newProvider(prefix)
  const settings = { ...providerSettings, JWT_ISSUER: provider.issuer, ...toSettings(provider.issuer) }
  // the service starts before the provider
  const { call, inject } = await startTestApp(settings)
  await provider.start()

  test.each(['RS256', 'ES256', 'EdDSA'])('may sign tokens with %s', async (alg) => {
    const agent = await provider.getToken('agent', `https://api.example/${alg}`)
    const { interactionId } = (await call(agent, 'POST', '', {})).json()
    const read = (await call(agent, 'GET', `/${interactionId}`)).json()
    expect(read).toMatchObject({ organizationId: 'acme', createdBy: 'agent' })
    const backend = await provider.getToken('backend', `https://api.example/${alg}`)
    expect((await call(backend, 'GET', `/${interactionId}`)).statusCode).toBe(200)
  })

  test('gets 403 for tokens with neither an organization nor the role SERVICE', async () => {
    expectProblem(await call(await provider.getToken('visitor'), 'GET', '/x'), 403, 'forbidden')
  })

  test('gets 401 for tokens for another audience, or with another signature', async () => {
    const elsewhere = await provider.getToken('agent', 'https://elsewhere.example/RS256')
    expectProblem(await call(elsewhere, 'GET', '/x'), 401, 'invalid_token')
    const [header, payload] = (await provider.getToken('agent')).split('.')
    const [, , signature] = (await provider.getToken('backend')).split('.')
    expectProblem(await call(`${header}.${payload}.${signature}`, 'GET', '/x'), 401, 'invalid_token')
  })

  test('replaces the token endpoint, its keys and its metadata', async () => {
    for (const url of ['/security/oauth/jwks.json', '/.well-known/oauth-authorization-server'])
      expectProblem(await inject({ url }), 404, 'not_found')
    expectProblem(await inject({ method: 'POST', url: '/security/oauth/token' }), 404, 'not_found')
    const { paths } = (await inject({ url: '/openapi.json' })).json()
    expect(Object.keys(paths).filter((path) => !/^\/(rtc-api|health)\//.test(path))).toEqual([])
  })

  test('may change its keys: new ones are accepted after five seconds, old ones no longer', async () => {
    const old = await provider.getToken('agent')
    await provider.stop()
    await provider.start()
    const status = async (token: string) => (await call(token, 'GET', '/x')).statusCode
    const token = await provider.getToken('agent')
    skipTime(5_000)
    expect(await status(token)).toBe(404)
    expect(await status(old)).toBe(401)
  })

  test('may be unreachable while tokens are of keys that were fetched', async () => {
    const [known, unseen] = [await provider.getToken('agent'), await provider.getToken('backend')]
    await provider.stop()
    try {
      expect((await call(known, 'GET', '/x')).statusCode).toBe(404)
      expect((await call(unseen, 'GET', '/x')).statusCode).toBe(404)
    } finally {
      await provider.start()
    }
  })
})
