// Loses the connection to PostgreSQL at each message of a create with an Idempotency-Key, which is then retried.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentToken, bearer } from '../support/tokens.ts'
import { type FaultyApp, startFaultyApp } from './support/faulty-app.ts'
import { type FaultsPostgres, startPostgres } from './support/postgres.ts'

let postgres: FaultsPostgres
let faulty: FaultyApp

beforeAll(async () => {
  postgres = await startPostgres()
  faulty = await startFaultyApp(postgres.url)
})

afterAll(async () => {
  await faulty.close()
  await postgres.remove()
})

test.each(['cut', 'reset'] as const)('%s at each message: retries create one interaction', async (fault) => {
  for (let n = 1; ; n++) {
    const key = randomUUID()
    const create = () =>
      faulty.app.inject({
        method: 'POST',
        url: '/rtc-api/interactions',
        headers: {
          ...bearer(agentToken('faults', key)),
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        payload: '{"type":"chat"}',
      })
    await faulty.proxy.endAll()
    faulty.proxy.arm(fault, n)
    const [first, second] = await Promise.all([create(), create()])
    const wasTriggered = faulty.proxy.disarm()
    const last = await create()
    expect(last.statusCode).toBe(200)
    for (const reply of [first, second])
      expect([200, 503], `${fault} at message ${n}: ${reply.body}`).toContain(reply.statusCode)
    for (const reply of [first, second]) if (reply.statusCode === 200) expect(reply.body).toBe(last.body)
    const stored = await postgres.query(`select from interactions where created_by = '${key}'`)
    expect(stored).toHaveLength(1)
    if (!wasTriggered) {
      expect(n).toBeGreaterThan(4)
      return
    }
  }
})
