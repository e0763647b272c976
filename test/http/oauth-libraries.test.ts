// Unmodified OAuth libraries get tokens and use them: they find the service by its issuer (RFC 8414), and verify its tokens
// with the keys that it publishes (RFC 9068).
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as openid from 'openid-client'
import { ClientCredentials } from 'simple-oauth2'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { freePort } from '../support/listening.ts'
import { addClient, agentClient, tokenUrl } from './support/oauth.ts'

const port = await freePort()
const issuer = `http://127.0.0.1:${port}`
const service = await startTestApp({ PUBLIC_URL: issuer })
await service.app.listen({ host: '127.0.0.1', port })
// characters that Basic, a form and a URL must encode
const secret = 'a:b+c d%20&e=f/"~'
const [clientId] = await addClient(service, agentClient('library client'), secret)

async function expectAccepted(call: (url: URL, method: string) => Promise<Response>): Promise<void> {
  const created = await call(new URL('/rtc-api/interactions', issuer), 'POST')
  expect(created.status).toBe(200)
  const read = await call(new URL(created.headers.get('location') ?? '', issuer), 'GET')
  expect([read.status, await read.json()]).toMatchObject([200, { createdBy: clientId }])
}

describe.each([
  ['the issuer', issuer],
  ['the URL of the metadata', `${issuer}/.well-known/oauth-authorization-server`],
])('openid-client, given %s', (_what, server) => {
  const discover = (authentication: openid.ClientAuth) =>
    openid.discovery(new URL(server), clientId, undefined, authentication, {
      algorithm: 'oauth2',
      execute: [openid.allowInsecureRequests],
    })

  test.each([
    ['HTTP Basic', openid.ClientSecretBasic(secret)],
    ['the form', openid.ClientSecretPost(secret)],
  ])('gets a token with %s', async (_style, authentication) => {
    const configuration = await discover(authentication)
    const token = await openid.clientCredentialsGrant(configuration, { scope: 'interactions' })
    expect(token).toMatchObject({ token_type: 'bearer', scope: 'interactions', expires_in: 3600 })
    await expectAccepted((url, method) =>
      openid.fetchProtectedResource(
        configuration,
        token.access_token,
        url,
        method,
        method === 'POST' ? '{}' : null,
        new Headers(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ),
    )
  })

  test('reports a wrong secret and a refused token', async () => {
    const configuration = await discover(openid.ClientSecretPost('wrong'))
    await expect(openid.clientCredentialsGrant(configuration)).rejects.toMatchObject({
      status: 401,
      cause: [{ scheme: 'basic' }],
    })
    const url = new URL('/rtc-api/interactions/x', issuer)
    await expect(openid.fetchProtectedResource(configuration, 'wrong', url, 'GET')).rejects.toMatchObject({
      cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }],
    })
  })
})

describe.each(['header', 'body'] as const)(
  'simple-oauth2, with its credentials in the %s',
  (authorizationMethod) => {
    const library = (clientSecret: string) =>
      new ClientCredentials({
        client: { id: clientId, secret: clientSecret },
        auth: { tokenHost: issuer, tokenPath: tokenUrl },
        options: { authorizationMethod },
      })

    test('gets a token', async () => {
      const granted = await library(secret).getToken({ scope: ['interactions', 'reports'] })
      expect(granted.expired()).toBe(false)
      expect(granted.token).toMatchObject({ token_type: 'bearer', scope: 'interactions reports' })
      const headers = { authorization: `Bearer ${granted.token.access_token}` }
      const post = { body: '{}', headers: { ...headers, 'content-type': 'application/json' } }
      await expectAccepted((url, method) => fetch(url, { method, headers, ...(method === 'POST' && post) }))
    })

    test('reports a wrong secret', async () => {
      await expect(library('wrong').getToken({})).rejects.toMatchObject({
        output: { statusCode: 401 },
        data: { payload: { error: 'invalid_client' } },
      })
    })
  },
)

test('another resource server verifies a token by the metadata, and finds all claims of RFC 9068', async () => {
  const configuration = await openid.discovery(new URL(issuer), clientId, secret, undefined, {
    algorithm: 'oauth2',
    execute: [openid.allowInsecureRequests],
  })
  const { access_token } = await openid.clientCredentialsGrant(configuration)
  const metadata = configuration.serverMetadata()
  const { payload, protectedHeader } = await jwtVerify(
    access_token,
    createRemoteJWKSet(new URL(metadata.jwks_uri ?? '')),
    {
      issuer: metadata.issuer,
      audience: 'interaction-api',
      subject: clientId,
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'iat', 'jti'],
      // Spring's decoders accept JWT, and refuse the at+jwt of RFC 9068
      typ: 'JWT',
    },
  )
  expect(payload).toMatchObject({ client_id: clientId, scope: 'interactions reports' })
  expect(protectedHeader.kid).toEqual(expect.any(String))
})
