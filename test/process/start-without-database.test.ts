// `serve` while the database is away, or not migrated yet: it waits for one that may come, and ends at once for one that
// will not.
import { once } from 'node:events'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { PostgresProxy } from '../faults/support/postgres-proxy.ts'
import { signingKeyPem } from '../support/keys.ts'
import { finishCommand, runCommand } from '../support/service.ts'
import { dataDirectory, serve, temporaryFolder } from './support/caller.ts'
import { eventually, query, start } from './support/embedded.ts'
import { startCluster } from './support/standby.ts'

/** Returns a proxy to a running PostgreSQL that does not accept connections yet. */
async function closedProxy(): Promise<PostgresProxy> {
  const owned = await dataDirectory()
  await serve({ DATA_DIR: owned })
  const proxy = new PostgresProxy((await findEmbeddedPostgres(owned)) ?? '')
  await proxy.listen()
  await proxy.close()
  onTestFinished(() => proxy.close())
  return proxy
}

/** Creates an empty database on a primary, and waits until its standby has it. */
async function emptyDatabases() {
  const { primary, standby } = await startCluster()
  await query(primary.url, 'create database empty')
  const named = ({ url }: { readonly url: string }) => ({
    url: Object.assign(new URL(url), { pathname: '/empty' }).href,
  })
  await eventually(() => query(named(standby).url, 'select'))
  return [named(primary), named(standby)] as const
}

/** Starts `serve` on a database, and waits until it says that it waits. */
async function startWaiting({ url }: { readonly url: string }, settings: Record<string, string> = {}) {
  const child = runCommand(['serve'], {
    PORT: '0',
    DATABASE_URL: url,
    DATA_DIR: await temporaryFolder(),
    JWT_PRIVATE_KEY: signingKeyPem,
    ...settings,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  await expect.poll(() => errors).toContain('waiting for the database')
  return { child, exited: once(child, 'exit'), output: () => output, errors: () => errors }
}

test('serve waits for a database that does not answer yet, says so once, and starts when it does', async () => {
  const proxy = await closedProxy()
  const { output, errors } = await startWaiting(proxy)
  await proxy.listen()
  await expect.poll(output).toContain('Interaction API: ')
  expect(errors().match(/waiting for the database/g)).toHaveLength(1)
})

test('serve gives up after RETRY_TIMEOUT_MS, with the reason', async () => {
  const { exited, errors } = await startWaiting(await closedProxy(), { RETRY_TIMEOUT_MS: '1500' })
  expect(await exited).toEqual([1, null])
  expect(errors()).toMatch(/^interaction-api: .*ECONNREFUSED/m)
})

test('serve on a standby waits for the migrations of the primary as long, and starts when it has them', async () => {
  const [primary, standby] = await emptyDatabases()
  const impatient = await startWaiting(standby, { RETRY_TIMEOUT_MS: '1500' })
  expect(await impatient.exited).toEqual([1, null])
  expect(impatient.errors()).toMatch(/^interaction-api: .* lacks migrations: 0001_clients, /m)

  const { output, errors } = await startWaiting(standby)
  expect(errors()).toContain('Start this version on the primary first')
  const { code } = await finishCommand(['migrate'], { DATABASE_URL: primary.url })
  expect(code).toBe(0)
  await expect.poll(output).toContain('Interaction API: ')
  expect(errors().match(/waiting for the database/g)).toHaveLength(1)
})

test('a migration that loses its connection is repeated; the log has the cause, and no password', async () => {
  const owned = await dataDirectory()
  const { url } = await start(owned)
  await query(url, 'create database empty')
  const empty = Object.assign(new URL(url), { pathname: '/empty' }).href
  const blocker = new Client(empty)
  await blocker.connect()
  onTestFinished(() => blocker.end())
  await blocker.query('begin; create table schema_migrations ()')
  const ending = eventually(async () => {
    const ended = await query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = 'empty' and wait_event_type = 'Lock'`,
    )
    return ended.length > 0 || undefined
  })
  const { output, errors } = await startWaiting({ url: empty })
  await ending
  expect(errors()).toMatch(/the database could not be migrated: .*terminat/)
  await blocker.query('rollback')
  await expect.poll(output).toContain('Interaction API: ')
  expect(errors()).not.toContain(new URL(url).password)
})

test('a signal ends the wait, with exit code 0', async () => {
  const { child, exited } = await startWaiting(await closedProxy())
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
})

test.each([
  ['a wrong password', { password: 'wrong' }, 'password authentication failed'],
  ['an unknown database', { pathname: '/unknown' }, 'database "unknown" does not exist'],
])('%s ends serve without waiting', async (_, wrong, sentence) => {
  const owned = await dataDirectory()
  await serve({ DATA_DIR: owned })
  const url = Object.assign(new URL((await findEmbeddedPostgres(owned)) ?? ''), wrong).href
  const settings = { PORT: '0', DATABASE_URL: url, DATA_DIR: await temporaryFolder() }
  const { code, errors } = await finishCommand(['serve'], settings)
  expect(code).toBe(1)
  expect(errors).toContain(sentence)
  expect(errors).not.toContain('waiting for the database')
})
