// Idempotency-Key across kill -9: a repeated request gets the same response, and creates nothing twice.
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { RunningService } from '../support/service.ts'
import { askForToken, dataDirectory, demoClients, postgresPid, serve } from './support/caller.ts'

const keys = Array.from({ length: 400 }, () => randomUUID())

test.each([
  ['the server', false],
  ['both the server and PostgreSQL', true],
])(
  'after kill -9 of %s a key with a response still has the same interaction, and no key has two',
  async (_, killPostgres) => {
    const folder = await dataDirectory()
    const service = await serve({ DATA_DIR: folder })
    const { token } = await askForToken(service, (await demoClients(folder)).agent)
    const acknowledged = new Map<string, string>()
    // Eight callers send each creation twice concurrently until the service has ended.
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (const [index, key] of keys.entries()) {
        if (index % 8 !== caller) continue
        const twice = await Promise.all([create(service, token, key), create(service, token, key)]).catch(
          () => [],
        )
        if (twice.length === 0) return
        expect(twice[1]).toBe(twice[0])
        acknowledged.set(key, twice[0] ?? '')
        if (acknowledged.size === 100) await kill()
      }
    })
    const kill = async () => {
      if (killPostgres) process.kill(await postgresPid(folder), 'SIGKILL')
      await service.stop('SIGKILL')
    }
    await Promise.all(callers)
    expect(acknowledged.size).toBeGreaterThanOrEqual(100)
    expect(acknowledged.size).toBeLessThan(keys.length)

    const again = await serve({ DATA_DIR: folder })
    const ids = new Map<string, string>()
    for (const key of keys) ids.set(key, await create(again, token, key))
    for (const [key, id] of acknowledged) expect(ids.get(key)).toBe(id)
    expect(await countAll(again, token)).toBe(keys.length)
  },
)

/**
 * Creates an interaction with an Idempotency-Key and returns its id.
 * @throws Error with the status unless it is 200
 */
async function create({ baseUrl }: RunningService, token: string, key: string): Promise<string> {
  const response = await fetch(`${baseUrl}/rtc-api/interactions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ type: 'chat', data: { key } }),
  })
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  return ((await response.json()) as { interactionId: string }).interactionId
}

async function countAll({ baseUrl }: RunningService, token: string): Promise<number> {
  const range = 'start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z'
  const response = await fetch(`${baseUrl}/rtc-api/interactions?${range}&size=1`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return ((await response.json()) as { totalElements: number }).totalElements
}
