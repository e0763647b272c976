// The public keys and the metadata of the authorization server (contract §2).
import { createPublicKey, createVerify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { addClient, agentClient, askForToken, tokenUrl } from './support/oauth.ts'
import { expectProblem } from './support/replies.ts'

const service = await startTestApp({ JWT_ISSUER: 'https://id.example' })
const agent = await addClient(service, agentClient('agent'), 'agent-secret')

test('the published keys verify tokens, which name their key, and contain nothing private', async () => {
  const reply = await service.inject({ url: '/security/oauth/jwks.json' })
  expect(reply.headers['content-type']).toBe('application/json')
  const [jwk, ...others] = reply.json().keys
  expect(others).toEqual([])
  expect(jwk).toEqual({
    kty: 'RSA',
    use: 'sig',
    alg: 'RS256',
    kid: expect.stringMatching(/^[\w-]+$/),
    n: expect.stringMatching(/^[\w-]{342,}$/),
    e: 'AQAB',
  })
  const { access_token } = (await askForToken(service, 'form', agent)).json()
  const [header = '', payload, signature = ''] = access_token.split('.')
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({
    alg: 'RS256',
    kid: jwk.kid,
  })
  const verifier = createVerify('RSA-SHA256').update(`${header}.${payload}`)
  expect(verifier.verify(createPublicKey({ key: jwk, format: 'jwk' }), signature, 'base64url')).toBe(true)
})

describe('the metadata of RFC 8414', () => {
  const path = '/.well-known/oauth-authorization-server'

  test('name the URLs of the token endpoint and the keys by the host of the request', async () => {
    const reply = await service.inject({ url: path, headers: { host: 'api.example:8443' } })
    const metadata = reply.json()
    expect(metadata).toMatchObject({
      issuer: 'https://id.example',
      token_endpoint: `http://api.example:8443${tokenUrl}`,
      jwks_uri: 'http://api.example:8443/security/oauth/jwks.json',
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
    })
    expect(metadata.token_endpoint_auth_methods_supported).toEqual(
      expect.arrayContaining(['client_secret_basic', 'client_secret_post']),
    )
  })

  test('name the URLs by PUBLIC_URL when it is set', async () => {
    const other = await startTestApp({ PUBLIC_URL: 'https://public.example/base/' })
    const metadata = (await other.inject({ url: path })).json()
    expect(metadata.token_endpoint).toBe(`https://public.example/base${tokenUrl}`)
    expect(metadata.jwks_uri).toBe('https://public.example/base/security/oauth/jwks.json')
  })
})

test.each(['/security/oauth/jwks.json', '/.well-known/oauth-authorization-server'])(
  '%s accepts GET and HEAD only',
  async (url) => {
    expect((await service.inject({ method: 'HEAD', url })).statusCode).toBe(200)
    for (const method of ['POST', 'PUT', 'DELETE'] as const) {
      const reply = await service.inject({ method, url })
      expectProblem(reply, 405, 'method_not_allowed')
      expect(reply.headers.allow).toBe('GET')
    }
  },
)
