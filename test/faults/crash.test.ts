// kill -9 of the server, of PostgreSQL or of both during a mixed load: every acknowledged write is stored exactly once.
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { Client } from 'pg'
import { expect, test, vi } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { dataDirectory, postgresPid, serve } from '../process/support/caller.ts'
import { signingKeyPem } from '../support/keys.ts'
import { finishCommand } from '../support/service.ts'
import { rounds, seed } from './support/amount.ts'
import { listAll, startLoad, untilAnswered } from './support/callers.ts'
import { expectHistory } from './support/history.ts'

const victims = ['the server', 'PostgreSQL', 'both', 'a connection of PostgreSQL'] as const

test(`after each of ${rounds} kills every acknowledged write is stored once, and every total is exact`, async () => {
  const environment = {
    DATA_DIR: await dataDirectory(),
    JWT_PRIVATE_KEY: signingKeyPem,
    LOG_LEVEL: 'silent',
  }
  let service = await serve(environment)
  const totals: number[] = []
  const sum = { answered: 0, unavailable: 0, readsUnavailable: 0, lost: 0 }
  for (const [round, { victim, afterMs }] of plan().entries()) {
    const organization = `round-${round}`
    await createEarlier(environment.DATA_DIR, organization)
    const load = startLoad({ baseUrls: () => [service.baseUrl], organization, callers: 8, shared: 3 })
    await pause(afterMs)
    if (victim === 'a connection of PostgreSQL') await killBackend(environment.DATA_DIR)
    if (victim === 'PostgreSQL' || victim === 'both')
      process.kill(await postgresPid(environment.DATA_DIR), 'SIGKILL')
    if (victim === 'the server' || victim === 'both') {
      await service.stop('SIGKILL')
      service = await serve(environment)
    }
    await untilAnswered(load, 200)
    await load.stop()

    const { stored, total } = await listAll(service.baseUrl, organization)
    const where = `round ${round}: kill of ${victim} after ${afterMs} ms, seed ${seed}`
    expect(load.unexpected, where).toEqual([])
    expectHistory(load.history, stored, where)
    const known = new Set(load.history.map(({ id }) => id))
    const others = [...stored.keys()].filter((id) => !known.has(id))
    expect(others, where).toHaveLength(earlier)
    expect(total, where).toBe(stored.size)
    totals.push(total)
    for (const key of ['answered', 'unavailable', 'readsUnavailable', 'lost'] as const)
      sum[key] += load.counts[key]
  }
  for (const [round, total] of totals.entries())
    expect((await listAll(service.baseUrl, `round-${round}`)).total).toBe(total)
  const verified = await finishCommand(['totals', 'verify'], environment)
  expect(verified).toMatchObject({ code: 0, output: expect.stringContaining('All totals are correct.') })
  expect(await service.stop()).toBe(0)
  process.stdout.write(`${rounds} kills, seed ${seed}: ${JSON.stringify(sum)}\n`)
})

/** Returns what is killed in each round and when; deterministic for a seed. */
function plan() {
  const kill = fc.record({ victim: fc.constantFrom(...victims), afterMs: fc.integer({ min: 20, max: 800 }) })
  return fc.sample(kill, { numRuns: rounds, seed })
}

/** interactions of each organization in earlier hours, whose totals are kept */
const earlier = 50

async function createEarlier(dataDirectory: string, organization: string): Promise<void> {
  await withPostgres(dataDirectory, (client) =>
    client.query(
      `insert into interactions (id, organization_id, created_by, created_at, data)
       select gen_random_uuid(), $1, 'earlier', now() - n * interval '1 hour', '{}' from generate_series(1, $2) n`,
      [organization, earlier],
    ),
  )
}

async function killBackend(dataDirectory: string): Promise<void> {
  const { rows } = await withPostgres(dataDirectory, (client) =>
    client.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'interaction-api' order by state, pid limit 1`,
    ),
  )
  for (const { pid } of rows) process.kill(pid, 'SIGKILL')
}

async function withPostgres<Result>(
  dataDirectory: string,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client(await urlOfPostgres(dataDirectory))
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Retries: after a crash, requests may succeed before the service has recorded that it owns the database. */
async function urlOfPostgres(dataDirectory: string): Promise<string> {
  return await vi.waitFor(async () => {
    const url = await findEmbeddedPostgres(dataDirectory)
    if (url === undefined) throw new Error('no server owns the data directory')
    return url
  }, 5000)
}
