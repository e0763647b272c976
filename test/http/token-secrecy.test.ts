// Secrets and tokens never appear in the table, the log or responses (contract §2).
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { bearer } from '../support/tokens.ts'
import {
  addClient,
  agentClient,
  askForToken,
  basic,
  form,
  query,
  styles,
  tokenUrl,
  tolerant,
} from './support/oauth.ts'

const service = await startTestApp({ LOG_LEVEL: 'trace', ...tolerant })
const right = 'r1ght-S3cret'
const wrong = 'wr0ng-S3cret'
const agent = await addClient(service, agentClient('agent'), right)

const encodings = (text: string) => [
  text,
  ...['base64', 'base64url', 'hex'].map((as) => Buffer.from(text).toString(as === 'hex' ? 'hex' : 'base64')),
]

/** The secrets that a text contains, plain or encoded. */
const secretsIn = (text: string) =>
  [right, wrong, `agent:${right}`, `agent:${wrong}`]
    .flatMap(encodings)
    .filter((secret) => text.includes(secret.replace(/=+$/, '')))

test('a secret is stored as a salted hash', async () => {
  await addClient(service, agentClient('another'), right)
  const rows = await service.database.kysely.selectFrom('oauth_clients').selectAll().execute()
  expect(rows).toHaveLength(2)
  expect(secretsIn(JSON.stringify(rows))).toEqual([])
  expect(new Set(rows.map((row) => row.secret_hash)).size).toBe(2)
})

test('no secret and no token appears in the log or in an error, whatever the outcome of the request', async () => {
  const logged = service.logged.length
  const refusals = []
  const grant = { grant_type: 'client_credentials' }
  for (const style of styles) {
    const granted = await askForToken(service, style, agent)
    const { access_token } = granted.json()
    await service.call(access_token, 'GET', `?start=x`)
    await service.inject({ url: `/rtc-api/x?access_token=${access_token}`, headers: bearer(access_token) })
    for (const line of service.logged) expect(line).not.toContain(access_token.split('.')[2])
    for (const secret of [right, wrong]) {
      refusals.push(await askForToken(service, style, ['agent', secret], { grant_type: secret }))
      refusals.push(await askForToken(service, style, ['agent', secret], { ...grant, scope: secret }))
      refusals.push(await askForToken(service, style, [secret, secret]))
    }
  }
  for (const secret of [right, wrong]) {
    const credentials = query({ client_id: 'agent', client_secret: secret })
    for (const path of [tokenUrl, `${tokenUrl}/`, `${tokenUrl}%zz`, '/rtc-api/interactions', '/elsewhere'])
      for (const method of ['GET', 'POST', 'DELETE'] as const)
        refusals.push(
          await service.inject({ method, url: `${path}?${credentials}`, headers: basic('agent', secret) }),
        )
    const large = `${credentials}&padding=${'x'.repeat(1_048_576)}`
    refusals.push(await service.inject({ method: 'POST', url: tokenUrl, headers: form, payload: large }))
    const twice = `${credentials}&${credentials}`
    refusals.push(await service.inject({ method: 'POST', url: tokenUrl, headers: form, payload: twice }))
    const json = JSON.stringify({ client_secret: secret })
    for (const type of ['application/json', 'multipart/form-data'])
      refusals.push(
        await service.inject({
          method: 'POST',
          url: tokenUrl,
          headers: { 'content-type': type },
          payload: json,
        }),
      )
  }
  for (const refusal of refusals) {
    expect(refusal.statusCode).toBeGreaterThanOrEqual(400)
    expect(secretsIn(refusal.body + JSON.stringify(refusal.headers))).toEqual([])
  }
  expect(service.logged.length).toBeGreaterThan(logged + refusals.length / 2)
  for (const line of service.logged) expect(secretsIn(line)).toEqual([])
})

test('no secret appears in the log when the database fails', async () => {
  const logged = service.logged.length
  await service.database.kysely.schema.alterTable('oauth_clients').renameTo('elsewhere').execute()
  for (const style of styles) {
    const reply = await askForToken(service, style, agent)
    expect([reply.statusCode, reply.json().error]).toEqual([500, 'internal_error'])
    expect(reply.body).not.toMatch(/oauth_clients|relation|select/)
  }
  const failures = service.logged.slice(logged)
  expect(failures.join()).toContain('request failed')
  for (const line of failures) expect(secretsIn(line)).toEqual([])
})
