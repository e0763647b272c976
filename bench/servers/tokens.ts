// The key and the tokens that all targets share.
import { createSign, generateKeyPairSync } from 'node:crypto'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

export const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
export const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** Returns an RS256 token of an AGENT of the organization, valid for a day. */
export function agentToken(organization: string): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: 'http://localhost:8080',
    aud: 'interaction-api',
    sub: 'benchmark',
    authorities: ['AGENT'],
    organization,
    iat: now,
    exp: now + 86_400,
  }
  const input = [{ alg: 'RS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${createSign('RSA-SHA256').update(input).sign(privateKey, 'base64url')}`
}
