// PostgreSQL is down, frozen, locked, full or read-only: requests get 503 in time, and the service recovers.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { postgresPid, serve, temporaryFolder } from '../process/support/caller.ts'
import { isRoot } from '../process/support/embedded.ts'
import { signingKeyPem } from '../support/keys.ts'
import type { RunningService } from '../support/service.ts'
import { isFull } from './support/amount.ts'
import { type Load, listAll, startLoad, untilAnswered, untilUnavailable } from './support/callers.ts'
import { expectHistory } from './support/history.ts'
import { startPostgres } from './support/postgres.ts'
import { PostgresProxy } from './support/postgres-proxy.ts'

const limits = {
  DATABASE_CONNECT_TIMEOUT_MS: 500,
  RETRY_TIMEOUT_MS: 1000,
  LOCK_TIMEOUT_MS: 1000,
  STATEMENT_TIMEOUT_MS: 1500,
}
/** as documented: for a batch, for a connection, then for a response */
const longestMs = Math.max(
  limits.RETRY_TIMEOUT_MS,
  2 * limits.DATABASE_CONNECT_TIMEOUT_MS + limits.STATEMENT_TIMEOUT_MS + 500,
)
const inTimeMs = longestMs + 1000
/** longer than a response may take, so that a request that waits for the end of the outage fails the test */
const outageMs = isFull ? 10_000 : inTimeMs + 500

test('PostgreSQL is stopped: 503 in time, and ready within a second after its start', async () => {
  const { service, load, postgres, proxy, expectHealthy } = await start()
  await postgres.stop()
  await proxy.close()
  await expectReadiness(service, 503, inTimeMs)
  await pause(outageMs)
  expect(load.counts.unavailable).toBeGreaterThan(0)
  await postgres.start()
  proxy.target = new URL(postgres.url)
  await proxy.listen()
  await expectReadiness(service, 200, 1000)
  await expectHealthy()
})

test('PostgreSQL is frozen: 503 in time, and ready within a second after it continues', async () => {
  const { service, load, postgres, expectHealthy } = await start()
  const backends = await postgres.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'interaction-api'`,
  )
  const pids = [await postgresPid(postgres.dataDirectory), ...backends.map(({ pid }) => pid)]
  const unfreeze = () => {
    for (const pid of pids.splice(0)) process.kill(pid, 'SIGCONT')
  }
  onTestFinished(unfreeze)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  await expectReadiness(service, 503, inTimeMs)
  await pause(outageMs)
  expect(load.counts.unavailable).toBeGreaterThan(0)
  unfreeze()
  await expectReadiness(service, 200, 1000)
  await expectHealthy()
})

test('all connections are terminated repeatedly: no read fails, and responses are right', async () => {
  const { load, postgres, expectHealthy } = await start()
  for (let turn = 0; turn < (isFull ? 200 : 20); turn++) {
    await postgres.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'interaction-api'`,
    )
    await untilAnswered(load, 20)
  }
  expect(load.counts.readsUnavailable).toBe(0)
  await expectHealthy()
})

test('the table is locked: 503 in time, always ready, and requests succeed within a second after the lock', async () => {
  const { service, load, postgres, expectHealthy } = await start()
  const client = new Client(postgres.url)
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('begin; lock table interactions in access exclusive mode')
  for (const end = performance.now() + outageMs; performance.now() < end; await pause(10))
    expect((await fetch(`${service.baseUrl}/health/ready`)).status).toBe(200)
  expect(load.counts.unavailable).toBeGreaterThan(0)
  await client.end()
  await untilAnswered(load, 20, 1000)
  await expectHealthy()
})

test('PostgreSQL is read-only: writes get 503, and reads succeed', async () => {
  const { service, load, postgres, expectHealthy } = await start()
  await postgres.query('alter system set default_transaction_read_only = on')
  await postgres.query('select pg_reload_conf()')
  await untilUnavailable(load, 8)
  await untilAnswered(load, 8)
  await expectReadiness(service, 200, 1000)
  await postgres.query('alter system reset default_transaction_read_only')
  await postgres.query('select pg_reload_conf()')
  await untilAnswered(load, 20, 1000)
  await expectHealthy()
})

// Only root can mount a disk that is small enough to fill.
test.runIf(isRoot)('the disk is full: 503 in time, and ready when there is space again', async () => {
  const disk = await mkdtemp(path.join(tmpdir(), 'interaction-api-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', disk])
  onTestFinished(async () => {
    execFileSync('umount', ['--lazy', disk])
    await rm(disk, { recursive: true })
  })
  const { service, load, expectHealthy } = await start(disk)
  const { bavail, bsize } = await statfs(disk)
  await writeFile(path.join(disk, 'filling'), Buffer.alloc(bavail * bsize)).catch(() => {})
  await untilUnavailable(load, 8)
  await pause(outageMs)
  expect((await fetch(`${service.baseUrl}/health/live`)).status).toBe(200)
  await rm(path.join(disk, 'filling'))
  await expectReadiness(service, 200, 15_000)
  await untilAnswered(load, 20, 1000)
  await expectHealthy()
})

/** Starts PostgreSQL, a proxy in front of it, a service that uses the proxy, and a load. */
async function start(folder?: string) {
  const postgres = await startPostgres(folder)
  onTestFinished(() => postgres.remove())
  const proxy = new PostgresProxy(postgres.url)
  await proxy.listen()
  onTestFinished(() => proxy.close())
  const service = await serve({
    DATABASE_URL: proxy.url,
    DATA_DIR: await temporaryFolder(),
    JWT_PRIVATE_KEY: signingKeyPem,
    LOG_LEVEL: 'silent',
    // So few that requests waiting for PostgreSQL hold all of them.
    DATABASE_POOL_SIZE: '2',
    ...Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, `${value}`])),
  })
  const organization = 'outage'
  const load = startLoad({ baseUrls: () => [service.baseUrl], organization, callers: 30, shared: 4 })
  await untilAnswered(load, 1000)
  // From now on the readiness check has a connection.
  await expectReadiness(service, 200, 1000)
  const memory = await residentBytes(service)
  return {
    postgres,
    proxy,
    service,
    load,
    expectHealthy: () => expectHealthy(service, load, organization, memory),
  }
}

/** Expects that the service stayed alive, responded in time, did not leak memory and lost no write. */
async function expectHealthy(
  service: RunningService,
  load: Load,
  organization: string,
  memoryBefore: number,
) {
  await untilAnswered(load, 200)
  await load.stop()
  expect(load.unexpected).toEqual([])
  expect(load.counts.lost).toBe(0)
  expect(load.counts.slowestMs).toBeLessThan(inTimeMs)
  expect((await residentBytes(service)) - memoryBefore).toBeLessThan(64 * 1024 * 1024)
  const { stored, total } = await listAll(service.baseUrl, organization)
  expect(total).toBe(stored.size)
  expectHistory(load.history, stored, 'outage')
  process.stdout.write(`${JSON.stringify(load.counts)}\n`)
  expect(await service.stop()).toBe(0)
}

async function expectReadiness({ baseUrl }: RunningService, status: number, withinMs: number): Promise<void> {
  const hasStatus = async () => (await fetch(`${baseUrl}/health/ready`)).status === status
  await vi.waitUntil(hasStatus, { timeout: withinMs, interval: 5 })
  expect((await fetch(`${baseUrl}/health/live`)).status).toBe(200)
}

async function residentBytes({ process: { pid } }: RunningService): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
