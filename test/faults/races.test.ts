// Two servers on one database, and clients that create, read and update the same interactions concurrently.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serve, temporaryFolder } from '../process/support/caller.ts'
import { signingKeyPem } from '../support/keys.ts'
import { isFull, seed } from './support/amount.ts'
import { listAll, startLoad, untilAnswered } from './support/callers.ts'
import { expectHistory } from './support/history.ts'
import { type FaultsPostgres, startPostgres } from './support/postgres.ts'
import { PostgresProxy } from './support/postgres-proxy.ts'

let postgres: FaultsPostgres
let proxy: PostgresProxy

beforeAll(async () => {
  postgres = await startPostgres()
  proxy = new PostgresProxy(postgres.url)
  await proxy.listen()
})

afterAll(async () => {
  await proxy.close()
  await postgres.remove()
})

const responses = isFull ? 40_000 : 3_000

test('each version has one winner, all later reads see it, and no read goes back in time', async () => {
  await race('quiet', async (load) => untilAnswered(load, responses))
})

test('the same holds while connections to PostgreSQL are cut during statements', async () => {
  const cuts = fc.sample(fc.integer({ min: 1, max: 400 }), { numRuns: isFull ? 1000 : 60, seed })
  await race('cut', async (load) => {
    for (const n of cuts) {
      proxy.arm('cut', n)
      await untilAnswered(load, 10)
      proxy.disarm()
    }
  })
})

async function race(
  organization: string,
  during: (load: ReturnType<typeof startLoad>) => Promise<void>,
): Promise<void> {
  const servers = await Promise.all([startServer(), startServer()])
  const baseUrls = servers.map(({ baseUrl }) => baseUrl)
  const load = startLoad({ baseUrls: () => baseUrls, organization, callers: 16, shared: 2 })
  await during(load)
  await load.stop()
  const { stored, total } = await listAll(baseUrls[0] ?? '', organization)
  expect(load.unexpected).toEqual([])
  expect(load.counts.lost).toBe(0)
  expect(total).toBe(stored.size)
  expectHistory(load.history, stored, `${organization}, seed ${seed}`)
  process.stdout.write(`${load.history.length} events, seed ${seed}: ${JSON.stringify(load.counts)}\n`)
  for (const server of servers) expect(await server.stop()).toBe(0)
}

async function startServer() {
  return serve({
    DATABASE_URL: proxy.url,
    DATA_DIR: await temporaryFolder(),
    JWT_PRIVATE_KEY: signingKeyPem,
    LOG_LEVEL: 'silent',
  })
}
