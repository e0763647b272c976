// The connection to PostgreSQL is lost at its first message, its second, its third …: in the middle of everything.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { putClient } from '../../src/oauth/clients.ts'
import { isFull } from './support/amount.ts'
import { type FaultyApp, startFaultyApp } from './support/faulty-app.ts'
import {
  expectAllowed,
  type Operation,
  operations,
  organization,
  prepare,
  tokenClient,
} from './support/operations.ts'
import { type FaultsPostgres, startPostgres } from './support/postgres.ts'
import type { Fault } from './support/postgres-proxy.ts'

let postgres: FaultsPostgres
/** one for each operation, so that no operation meets the faults of another */
let apps: FaultyApp[]

beforeAll(async () => {
  postgres = await startPostgres()
  await createTokenClient(postgres.url)
  apps = await Promise.all(operations.map(() => startFaultyApp(postgres.url)))
})

afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()))
  await postgres.remove()
})

const faults: readonly Fault[] = ['cut', 'reset', 'stall']

test.each(faults.flatMap((fault) => [[fault, 'new'] as const, [fault, 'used'] as const]))(
  '%s at each message of a %s connection: the answer is right or retryable',
  async (fault, age) => {
    const struck = await Promise.all(
      operations.map((operation, index) =>
        sweep(apps[index] as FaultyApp, [operation], fault, age === 'new'),
      ),
    )
    for (const count of struck) expect(count).toBeGreaterThan(4)
  },
)

test.each(faults)('%s at each message of a batch: each answer is right or retryable', async (fault) => {
  const batch = operations.filter(({ name }) => name !== 'a token')
  expect(await sweep(apps[0] as FaultyApp, [...batch, ...batch, ...batch], fault, false)).toBeGreaterThan(20)
})

/** @returns at how many messages the fault came until the operations were through without it */
async function sweep(
  { app, proxy }: FaultyApp,
  together: readonly Operation[],
  fault: Fault,
  isNew: boolean,
): Promise<number> {
  // each stall takes as long as it takes to be noticed
  const step = isFull ? 1 : fault === 'stall' ? 5 : Math.min(together.length, 5)
  const next = operations.find(({ name }) => name === 'a read') as Operation
  for (let n = 1; ; n += step) {
    const runs = together.map((operation) => ({ operation, id: randomUUID() }))
    const check = { operation: next, id: randomUUID() }
    for (const { operation, id } of [...runs, check]) await prepare(postgres, operation, id)
    if (isNew) await proxy.endAll()
    proxy.arm(fault, n)
    const replies = await Promise.all(runs.map(({ operation, id }) => app.inject(operation.request(id))))
    const hasStruck = proxy.disarm()
    for (const [index, { operation, id }] of runs.entries()) {
      const reply = replies[index]
      const where = `${operation.name}, ${fault} at message ${n}`
      if (reply === undefined) throw new Error(`${where}: no reply`)
      await expectAllowed(postgres, operation, id, reply).catch((cause: unknown) => {
        throw new Error(`${where}: ${reply.statusCode} ${reply.body} ${cause}`, { cause })
      })
    }
    expect((await app.inject(next.request(check.id))).statusCode, `after ${fault} at message ${n}`).toBe(200)
    if (!hasStruck) return n - 1
  }
}

async function createTokenClient(url: string): Promise<void> {
  const database = openDatabase(
    { url, poolSize: 1, connectTimeoutMs: 5000, statementTimeoutMs: 5000, lockTimeoutMs: 5000 },
    () => {},
  )
  const client = { role: 'AGENT', organizationId: organization, scopes: ['interactions'] } as const
  await putClient(database.kysely, { ...client, clientId: tokenClient.clientId }, tokenClient.clientSecret)
  await database.close()
}
