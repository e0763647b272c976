// Tokens made by hand, independent of the code that makes and checks them.
import { createPrivateKey, createSign, type KeyObject, randomUUID } from 'node:crypto'
import { signingKeyPem } from './keys.ts'

/** A token of these texts, whatever they are, rightly signed. */
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

/** A JWT with these claims beside valid ones; a claim that is undefined is left out. */
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
