// The service's own key changes: tokens of the old key are accepted until they expire, and the new key signs.
import { decodeProtectedHeader } from 'jose'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { oldKeyPem, otherKeyPem, signingKeyPem, toPublicPem } from '../support/keys.ts'
import { signTexts, signToken } from '../support/tokens.ts'
import { addClient, agentClient, askForToken } from './support/oauth.ts'

const [oldest, old] = [otherKeyPem, oldKeyPem]
const service = await startTestApp({ JWT_PREVIOUS_PUBLIC_KEYS: toPublicPem(old) + toPublicPem(oldest) })
const published: { kid: string }[] = (await service.inject({ url: '/security/oauth/jwks.json' })).json().keys
const [currentId = '', oldId = '', oldestId = ''] = published.map(({ kid }) => kid)
const status = async (token: string) => (await service.call(token, 'GET', '/x')).statusCode
const claims = { sub: 'agent-1', organization: 'acme', authorities: ['AGENT'] }

test('all keys are published, the current one first', async () => {
  expect(new Set([currentId, oldId, oldestId]).size).toBe(3)
  const agent = await addClient(service, agentClient('agent'), 'secret')
  const { access_token } = (await askForToken(service, 'form', agent)).json()
  expect(decodeProtectedHeader(access_token).kid).toBe(currentId)
  expect(await status(access_token)).toBe(404)
})

test('a token of a server with the old key is accepted', async () => {
  const before = await startTestApp({ JWT_PRIVATE_KEY: old })
  const agent = await addClient(before, agentClient('agent'), 'secret')
  const { access_token } = (await askForToken(before, 'form', agent)).json()
  expect(decodeProtectedHeader(access_token).kid).toBe(oldId)
  expect(await status(access_token)).toBe(404)
})

test('each key verifies only the tokens that name it', async () => {
  const keys = { [currentId]: signingKeyPem, [oldId]: old, [oldestId]: oldest }
  for (const kid of Object.keys(keys))
    for (const [signer, key] of Object.entries(keys))
      expect([kid, signer, await status(signToken(claims, { key, header: { kid } }))]).toEqual([
        kid,
        signer,
        kid === signer ? 404 : 401,
      ])
})

test('tokens of the old key pass the same checks', async () => {
  const now = Math.floor(Date.now() / 1000)
  const signed = (changes: object, header = {}) =>
    signToken({ ...claims, ...changes }, { key: old, header: { kid: oldId, ...header } })
  for (const changes of [
    { exp: now - 60 },
    { exp: undefined },
    { nbf: now + 90 },
    { iss: 'https://other.example' },
    { aud: 'other' },
    { sub: undefined },
  ])
    expect([changes, await status(signed(changes))]).toEqual([changes, 401])
  expect(await status(signed({}, { alg: 'none' }))).toBe(401)
  expect(await status(signed({}, { alg: 'RS512' }))).toBe(401)
})

test('tokens of the old key need a finite expiry, and have one spelling', async () => {
  const header = JSON.stringify({ alg: 'RS256', kid: oldId })
  const now = Math.floor(Date.now() / 1000)
  const expiring = (exp: string) =>
    JSON.stringify({ ...claims, iss: 'http://localhost:8080', aud: 'interaction-api' }).replace(
      '{',
      `{"exp":${exp},`,
    )
  expect(await status(signTexts(header, expiring('1e999'), old))).toBe(401)
  const token = signTexts(header, expiring(`${now + 600}`), old)
  expect(await status(token)).toBe(404)
  // the last character of 256 bytes has four unused bits
  const respelled = `${token.slice(0, -1)}${String.fromCharCode(token.charCodeAt(token.length - 1) + 1)}`
  expect(await status(respelled)).toBe(401)
})

test('tokens of the old key are refused without it in the settings', async () => {
  const after = await startTestApp()
  const token = signToken(claims, { key: old, header: { kid: oldId } })
  expect((await after.call(token, 'GET', '/x')).statusCode).toBe(401)
})
