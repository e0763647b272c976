// Loses the connection to PostgreSQL at its first message, its second, its third, and so on.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { putClient } from '../support/clients.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { isFull } from './support/amount.ts'
import { type FaultyApp, startFaultyApp } from './support/faulty-app.ts'
import {
  expectAllowed,
  type Operation,
  operations,
  organization,
  prepare,
  read,
  tokenClient,
} from './support/operations.ts'
import { type FaultsPostgres, startPostgres } from './support/postgres.ts'
import type { Fault } from './support/postgres-proxy.ts'

let postgres: FaultsPostgres
/** One application for each operation, so that faults hit only that operation; `common` runs them together. */
let lanes: { operation: Operation; app: FaultyApp }[]
let common: FaultyApp

beforeAll(async () => {
  postgres = await startPostgres()
  await createTokenClient(postgres.url)
  lanes = await Promise.all(
    operations.map(async (operation) => ({ operation, app: await startFaultyApp(postgres.url) })),
  )
  common = await startFaultyApp(postgres.url)
})

afterAll(async () => {
  await Promise.all([common, ...lanes.map(({ app }) => app)].map((app) => app.close()))
  await postgres.remove()
})

const faults: readonly Fault[] = ['cut', 'reset', 'stall']

test.each(faults.flatMap((fault) => [[fault, 'new'] as const, [fault, 'used'] as const]))(
  '%s at each message of a %s connection: the response is right or retryable',
  async (fault, age) => {
    const counts = await Promise.all(
      lanes.map(({ operation, app }) => sweep(app, [operation], fault, age === 'new')),
    )
    for (const count of counts) expect(count).toBeGreaterThan(4)
  },
)

test.each(faults)('%s at each message of a batch: each response is right or retryable', async (fault) => {
  const batch = operations.filter(({ name }) => name !== 'a token')
  expect(await sweep(common, [...batch, ...batch, ...batch], fault, false)).toBeGreaterThan(20)
})

/** Runs the operations with a fault at message 1, 2 and so on. @returns the number of messages until none is left */
async function sweep(
  { app, proxy }: FaultyApp,
  together: readonly Operation[],
  fault: Fault,
  isNew: boolean,
): Promise<number> {
  // Short runs skip messages of batches, and of stalls, which take long to be detected.
  const step = isFull ? 1 : (fault === 'stall' ? 5 : 1) * (together.length > 1 ? 3 : 1)
  for (let n = 1; ; n += step) {
    const runs = together.map((operation) => ({ operation, id: randomUUID() }))
    const check = { operation: read, id: randomUUID() }
    for (const { operation, id } of [...runs, check]) await prepare(postgres, operation, id)
    if (isNew) await proxy.endAll()
    proxy.arm(fault, n)
    const replies = await Promise.all(
      runs.map(async (run) => ({ ...run, reply: await app.inject(run.operation.request(run.id)) })),
    )
    const wasTriggered = proxy.disarm()
    for (const { operation, id, reply } of replies)
      await expectAllowed(postgres, operation, id, reply).catch((cause: unknown) => {
        const where = `${operation.name}, ${fault} at message ${n}`
        throw new Error(`${where}: ${reply.statusCode} ${reply.body} ${cause}`, { cause })
      })
    expect((await app.inject(read.request(check.id))).statusCode, `after ${fault} at message ${n}`).toBe(200)
    if (!wasTriggered) return n - 1
  }
}

async function createTokenClient(url: string): Promise<void> {
  const database = openDatabase({ ...testDatabaseSettings, url, poolSize: 1 }, () => {})
  const client = { role: 'AGENT', organizationId: organization, scopes: ['interactions'] } as const
  await putClient(database.kysely, { ...client, clientId: tokenClient.clientId }, tokenClient.clientSecret)
  await database.close()
}
