// At every log level, a real server writes no secret to its log, its audit log, its metrics or a response.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { expect, test } from 'vitest'
import { signingKeyPem } from '../support/keys.ts'
import { dataDirectory, postgresPid, serve } from './support/caller.ts'

const right = 'r1ght-S3cret+%/:'
const wrong = 'wr0ng-S3cret+%/:'
const clients = ['agent', 'other'].map((clientId) => ({
  clientId,
  clientSecret: right,
  role: 'AGENT',
  organizationId: 'acme',
}))
const grant = { grant_type: 'client_credentials' }

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

/** The secrets in each encoding that a log could contain. */
const forbidden = [right, wrong].flatMap((secret) => [
  ...[secret, encodeURIComponent(secret), secret.slice(0, 12)],
  ...[secret, `agent:${secret}`, `other:${secret}`].map((text) =>
    Buffer.from(text).toString('base64').replace(/=+$/, ''),
  ),
  Buffer.from(secret).toString('hex'),
])
const keyLines = signingKeyPem.split('\n').filter((line) => line.length > 40)

/** Returns a token request for each way to send a secret. */
function tokenRequests(id: string, secret: string): [string, RequestInit][] {
  const all = new URLSearchParams({ ...grant, client_id: id, client_secret: secret })
  return [
    ['', { headers: { authorization: basic(id, secret) }, body: new URLSearchParams(grant) }],
    ['', { body: all }],
    [`?${all}`, {}],
  ]
}

test.each(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])(
  'at level %s the server writes no secret',
  async (level) => {
    const folder = await dataDirectory()
    const auditFile = path.join(folder, 'audit.log')
    const service = await serve({
      DATA_DIR: folder,
      LOG_LEVEL: level,
      JWT_PRIVATE_KEY: signingKeyPem,
      BOOTSTRAP_CLIENTS: JSON.stringify(clients),
      DATABASE_CONNECT_TIMEOUT_MS: '500',
      RETRY_TIMEOUT_MS: '500',
      AUDIT_LOG: 'all',
      AUDIT_LOG_FILE: auditFile,
    })
    let printed = ''
    service.process.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    const responses: string[] = []
    const tokens: string[] = []
    const send = async (url: string, options: RequestInit = {}) => {
      const reply = await fetch(service.baseUrl + url, options)
      const body = await reply.text()
      // only the response that grants a token may contain it
      if (reply.ok && body.includes('access_token')) tokens.push(JSON.parse(body).access_token)
      else responses.push(JSON.stringify([...reply.headers]) + body)
      return reply.status
    }
    const requestTokens = async (secret: string, id = 'agent') => {
      const statuses = []
      for (const [query, options] of tokenRequests(id, secret))
        statuses.push(await send(`/security/oauth/token${query}`, { method: 'POST', ...options }))
      return statuses
    }

    expect(await requestTokens(right)).toEqual([200, 200, 200])
    // repeated until the failures are throttled
    expect(await requestTokens(wrong)).toEqual([401, 401, 401])
    for (let n = 0; n < 3; n++) await requestTokens(wrong)
    expect(await requestTokens(wrong)).toEqual([429, 429, 429])

    for (const secret of [right, wrong, ...tokens]) {
      const query = `client_secret=${encodeURIComponent(secret)}&access_token=${secret}`
      const headers = { authorization: `Bearer ${secret}`, cookie: `token=${encodeURIComponent(secret)}` }
      for (const target of [
        '/rtc-api/interactions',
        '/security/oauth/token',
        '/docs',
        '/health/ready',
        '/x',
        '/%zz',
      ])
        for (const method of ['GET', 'PATCH']) await send(`${target}?${query}`, { method, headers })
      await writeRaw(service.baseUrl, `GET /?${query} HTTP/1.1\r\nHost: x\r\nbroken ${secret}\r\n\r\n`)
      await writeRaw(service.baseUrl, `${secret}\r\n\r\n`)
    }

    process.kill(await postgresPid(folder), 'SIGKILL')
    for (const secret of [right, wrong])
      for (const status of await requestTokens(secret, 'other')) expect([200, 401, 503]).toContain(status)
    await send('/rtc-api/interactions/x', { headers: { authorization: `Bearer ${tokens[0]}` } })
    await send('/metrics')
    await service.stop()

    const audited = await readFile(auditFile, 'utf8')
    for (const event of ['token.granted', 'token.refused', 'token.throttled', 'request.unauthenticated'])
      expect(audited).toContain(event)
    const written = service.errors() + service.output + printed + responses.join('\n') + audited
    if (level === 'trace') expect(service.errors().split('\n').length).toBeGreaterThan(30)
    const signatures = tokens.map((token) => token.split('.')[2] ?? '')
    const password = await readFile(path.join(folder, 'postgres-password'), 'utf8')
    for (const secret of [...forbidden, ...keyLines, ...signatures, password])
      expect(written.includes(secret), secret).toBe(false)
  },
)

/** Sends bytes that need not be HTTP, and waits until the server closes the connection. */
async function writeRaw(baseUrl: string, text: string): Promise<void> {
  const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1')
  socket.resume()
  socket.end(text)
  await once(socket, 'close')
}
