// A cluster loses its primary in four ways while clients write: no acknowledged write is lost or doubled, and clients see
// no error. Configured as in the operations guide; the settings of the servers are the defaults.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { listAll } from '../faults/support/callers.ts'
import { expectHistory, type Read, type Write } from '../faults/support/history.ts'
import { finishCommand } from '../support/service.ts'
import { type Cluster, startCluster } from './support/cluster.ts'
import { type Load, organization, startLoad } from './support/load.ts'

/** How long a request may take without an answer from the database, in seconds: as documented, and for a busy machine. */
function longestSeconds(settings: Record<string, string> = {}): number {
  const { retryTimeoutMs, connectTimeoutMs, statementTimeoutMs } = readConfig(settings).database
  return Math.max(retryTimeoutMs, 2 * connectTimeoutMs + statementTimeoutMs + 500) / 1000 + 2
}

let cluster: Cluster
const history: (Write | Read)[] = []

beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster?.remove())

/** Lets an event happen under load, and expects that clients see no error and wait no longer than documented. */
async function expectNoError(name: string, event: (load: Load) => Promise<void>): Promise<void> {
  await cluster.untilSafe()
  const load = startLoad(cluster.baseUrl)
  await load.untilServed(500)
  await event(load)
  await load.untilServed(500)
  const outcome = await load.stop()
  process.stdout.write(`${name}: ${JSON.stringify(outcome)}\n`)
  history.push(...load.history)
  if (load.failures.length > 0) process.stdout.write(`${await cluster.logs()}\n`)
  expect(load.failures).toEqual([])
  expect(outcome.slowest).toBeLessThan(longestSeconds())
}

/** Waits until another node is the primary. */
async function untilReplaced(former: string): Promise<void> {
  await expect.poll(() => cluster.primary().catch(() => former), { timeout: 60_000 }).not.toBe(former)
}

test('a switchover is invisible to clients', async () => {
  await expectNoError('switchover', () => cluster.switchOver())
})

test('a proxy that freezes is invisible to clients; those of a server that retries for less long get 503 in time', async () => {
  const settings = {
    RETRY_TIMEOUT_MS: '2000',
    DATABASE_CONNECT_TIMEOUT_MS: '500',
    STATEMENT_TIMEOUT_MS: '1000',
    LOCK_TIMEOUT_MS: '1000',
  }
  const impatient = await cluster.serve({ ...settings, PORT: '0' })
  await expectNoError('frozen proxy', async () => {
    const load = startLoad(impatient.baseUrl, 4)
    await load.untilServed(50)
    await cluster.signalProxy('SIGSTOP')
    await pause(2 * longestSeconds(settings) * 1000)
    await cluster.signalProxy('SIGCONT')
    await load.untilServed(50)
    const { slowest } = await load.stop()
    history.push(...load.history)
    expect(new Set(load.failures.map(({ status }) => status))).toEqual(new Set([503]))
    expect(slowest).toBeLessThan(longestSeconds(settings))
  })
  await impatient.stop()
})

test('the primary and its Patroni are killed: clients see no error, and servers that migrate at that moment start', async () => {
  await cluster.createDatabase('migrating')
  const [holder, watch] = [await cluster.connect('migrating'), await cluster.connect('migrating')]
  // One server waits for it in the middle of its migration, and the other one for the first.
  await holder.query('begin')
  await holder.query('create table interactions ()')
  await expectNoError('kill -9', async () => {
    const settings = { DATABASE_URL: cluster.databaseUrl('migrating'), PORT: '0' }
    const starting = Promise.all([cluster.serve(settings), cluster.serve(settings)])
    starting.catch(() => {})
    const waiting = `select from pg_stat_activity where datname = 'migrating' and wait_event_type = 'Lock'`
    await expect.poll(async () => (await watch.query(waiting)).rowCount).toBe(2)
    const former = await cluster.primary()
    await cluster.signalNode(former, 'SIGKILL')
    await untilReplaced(former)
    cluster.startNode(former)
    for (const { baseUrl } of await starting) {
      const { total } = await listAll(baseUrl, organization)
      expect(total).toBe(0)
    }
  })
})

test('the primary and its Patroni fall silent and come back: clients see no error', async () => {
  await expectNoError('silence', async (load) => {
    const former = await cluster.primary()
    await cluster.signalNode(former, 'SIGSTOP')
    await untilReplaced(former)
    await load.untilServed(500)
    // It is a primary until its Patroni learns that it was replaced.
    await cluster.signalNode(former, 'SIGCONT')
    await cluster.untilFollows(former)
  })
})

test('after all that, no acknowledged write is lost or doubled, and the totals are exact', async () => {
  await cluster.untilSafe()
  const { stored, total } = await listAll(cluster.baseUrl, organization)
  expect(total).toBe(stored.size)
  expectHistory(history, stored, 'failover')
  expect(await finishCommand(['totals', 'verify'], { DATABASE_URL: cluster.databaseUrl() })).toMatchObject({
    code: 0,
    output: 'All totals are correct.\n',
  })
})
