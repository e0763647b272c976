// The ephemeral service for tests: `serve --ephemeral`, `startInteractionApi` and `seed`.
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type StartOptions, startInteractionApi } from '../../src/ephemeral/start.ts'
import { askForToken } from '../support/ask-for-token.ts'
import { finishCommand } from '../support/service.ts'
import { createInteraction, postgresPid, readStatus, serve } from './support/caller.ts'
import { eventually, isAlive, temporaryFolder } from './support/embedded.ts'

const page = path.join(import.meta.dirname, '..', '..', 'docs', 'ephemeral.md')

async function startEphemeral(options: StartOptions = {}) {
  const service = await startInteractionApi(options)
  onTestFinished(() => service.stop())
  return service
}

/** Lists all interactions. */
async function listAll(baseUrl: string, token: string) {
  const range = 'start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59Z&size=2000'
  const response = await fetch(`${baseUrl}/rtc-api/interactions?${range}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return (await response.json()) as { totalElements: number; content: { id: string; createdAt: string }[] }
}

test('the documented clients get tokens of the documented organizations', async () => {
  const { baseUrl } = await startEphemeral()
  const rows = (await readFile(page, 'utf8')).matchAll(
    /^\| `(\S+)` \| `(\S+)` \| (\w+) \| `?([\w-]+)`? \|$/gm,
  )
  const documented: unknown[] = []
  for (const [, clientId = '', clientSecret = '', role, organization] of rows) {
    const { status, token } = await askForToken(baseUrl, { clientId, clientSecret })
    expect(status).toBe(200)
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims.authorities).toContain(role)
    expect(claims.organization ?? 'all').toBe(organization)
    documented.push(clientId)
  }
  expect(documented).toEqual(['demo-agent', 'other-agent', 'demo-service'])
})

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'after %s an ephemeral service removes its directory and ends its PostgreSQL',
  async (signal) => {
    const service = await serve(
      { PORT: '', DATABASE_URL: 'postgres://nobody@localhost:1/none' },
      '--ephemeral',
    )
    const [, folder = ''] =
      /^DATA_DIR=(\S+) npx --no-install interaction-api seed$/m.exec(service.output) ?? []
    const postgres = await postgresPid(folder)
    const { token } = await askForToken(service.baseUrl, {
      clientId: 'demo-agent',
      clientSecret: 'demo-agent-secret',
    })
    await createInteraction(service, token)

    expect(await service.stop(signal)).toBe(signal === 'SIGTERM' ? 0 : null)

    await eventually(() => (existsSync(folder) || isAlive(postgres) ? undefined : true))
  },
)

test('reset deletes the interactions of one service only, and its tokens stay valid', async () => {
  const [one, other] = await Promise.all([startEphemeral(), startEphemeral()])
  const { token } = await askForToken(one.baseUrl, one.credentials.service)
  await one.seed({ count: 3 })
  await one.seed({ count: 3, organizationId: 'other-organization' })
  await other.seed({ count: 3 })
  expect(await listAll(one.baseUrl, token)).toMatchObject({ totalElements: 6 })

  await one.reset()

  expect(await listAll(one.baseUrl, token)).toMatchObject({ totalElements: 0 })
  const elsewhere = await askForToken(other.baseUrl, other.credentials.service)
  expect(await listAll(other.baseUrl, elsewhere.token)).toMatchObject({ totalElements: 3 })
})

test('startInteractionApi accepts settings, and stop is idempotent', async () => {
  const service = await startEphemeral({ settings: { BODY_LIMIT_BYTES: '1024', PORT: ' ' } })
  const { token } = await askForToken(service.baseUrl, service.credentials.agent)
  const { status } = await fetch(`${service.baseUrl}/rtc-api/interactions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ data: { note: 'n'.repeat(1024) } }),
  })
  expect(status).toBe(413)

  await Promise.all([service.stop(), service.stop()])
  await service.stop()

  expect(existsSync(service.dataDirectory)).toBe(false)
  await expect(fetch(service.baseUrl)).rejects.toThrow()
})

test('a failed start names the wrong setting and removes its directory', async () => {
  const port = new URL((await startEphemeral()).baseUrl).port
  vi.stubEnv('TMPDIR', temporaryFolder())
  onTestFinished(() => void vi.unstubAllEnvs())

  await expect(startInteractionApi({ settings: { LOG_LEVEL: 'loud' } })).rejects.toThrow('LOG_LEVEL must be')
  await expect(startInteractionApi({ settings: { PORT: port } })).rejects.toThrow(/PORT: .* is in use/)

  expect(await readdir(tmpdir())).toEqual([])
})

test('seed creates the same interactions for the same seed, and skips existing ones', async () => {
  const service = await startEphemeral()
  const environment = { DATA_DIR: service.dataDirectory }
  const { token } = await askForToken(service.baseUrl, service.credentials.agent)
  const until = '2026-01-31T00:00:00Z'
  const seed = (...options: string[]) => finishCommand(['seed', '--until', until, ...options], environment)

  expect(await seed('--count', '1500', '--seed', '7')).toMatchObject({
    code: 0,
    output: expect.stringMatching(/Stored 1500 /),
  })
  const first = await listAll(service.baseUrl, token)
  expect(first.totalElements).toBe(1500)
  for (const { createdAt } of first.content) {
    expect(createdAt > '2026-01-01' && createdAt <= until).toBe(true)
  }
  expect(await seed('--count', '1500', '--seed', '7')).toMatchObject({
    code: 0,
    output: expect.stringMatching(/Stored 0 /),
  })
  await service.reset()
  await service.seed({ count: 1500, seed: 7, until: new Date(until) })
  expect(await listAll(service.baseUrl, token)).toEqual(first)
  expect(await seed('--count', '10', '--seed', '8')).toMatchObject({
    output: expect.stringMatching(/Stored 10 /),
  })
  expect(await seed('--count', '10', '--organization', 'acme')).toMatchObject({
    output: expect.stringMatching(/Stored 10 interactions for acme/),
  })
  expect(await readStatus(service, token, first.content[0]?.id ?? '')).toBe(200)
})
