// Creates tokens without the code under test.
import { createPrivateKey, createSign, type KeyObject, randomUUID } from 'node:crypto'
import { signingKeyPem } from './keys.ts'

/** Returns a correctly signed token of any header and payload texts, which need not be JSON. */
export function signTexts(header: string, payload: string, key = signingKeyPem): string {
  const input = [header, payload].map((text) => Buffer.from(text).toString('base64url')).join('.')
  return `${input}.${createSign('RSA-SHA256').update(input).sign(open(key), 'base64url')}`
}

const opened = new Map<string, KeyObject>()

/** Parses each PEM once. */
function open(pem: string): KeyObject {
  const key = opened.get(pem) ?? createPrivateKey(pem)
  opened.set(pem, key)
  return key
}

/** Returns a JWT. `claims` override the valid default claims; undefined removes a claim. */
export function signToken(
  claims: object,
  { key = signingKeyPem, header = {} }: { key?: string; header?: object } = {},
) {
  const now = Math.floor(Date.now() / 1000)
  const defaults = {
    iss: 'http://localhost:8080',
    aud: 'interaction-api',
    iat: now,
    exp: now + 600,
    jti: randomUUID(),
  }
  const payload = JSON.stringify({ ...defaults, ...claims })
  return signTexts(JSON.stringify({ alg: 'RS256', typ: 'JWT', ...header }), payload, key)
}

export const agentToken = (organization = 'acme', sub = 'agent-1') =>
  signToken({ sub, organization, authorities: ['AGENT'] })

export const serviceToken = (sub = 'service-1') => signToken({ sub, authorities: ['SERVICE'] })

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
