// PostgreSQL ends within five seconds after its owner has ended in any way.
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { serve } from './support/caller.ts'
import {
  eventually,
  isAlive,
  postmasterPid,
  processesIn,
  query,
  sharedDataDirectory,
} from './support/embedded.ts'
import { sharedInstallation, startOwner } from './support/installation.ts'

const installation = sharedInstallation()
const dataDirectory = sharedDataDirectory()

describe.skipIf(process.platform !== 'linux')('the watcher', () => {
  test('ends PostgreSQL and itself after kill -9 of the service, also during a statement', async () => {
    const service = await serve({ DATA_DIR: dataDirectory })
    const pid = postmasterPid(dataDirectory)
    await runLongStatement((await findEmbeddedPostgres(dataDirectory)) ?? '')

    await service.stop('SIGKILL')

    await expectEnd(pid)
  })

  test('ends PostgreSQL and itself after SIGKILL of the process group of the owner', async () => {
    const owner = await startOwner(installation, dataDirectory, { detached: true })
    const pid = postmasterPid(dataDirectory)

    process.kill(-(owner.process.pid ?? 0), 'SIGKILL')

    await expectEnd(pid)
  })

  test('kills a PostgreSQL that does not respond', async () => {
    const owner = await startOwner(installation, dataDirectory)
    const pid = postmasterPid(dataDirectory)
    process.kill(pid, 'SIGSTOP')

    await owner.kill()

    await expectEnd(pid)
  })

  test('ends after an orderly stop', async () => {
    const owner = await startOwner(installation, dataDirectory)
    const pid = postmasterPid(dataDirectory)
    expect(isAlive(-pid)).toBe(true)

    await owner.stop()

    await expectEnd(pid)
  })
})

/** Starts a statement of 60 seconds on a new connection, and returns while it runs. */
async function runLongStatement(url: string): Promise<void> {
  const client = new Client(url)
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  client.query('select pg_sleep(60)').catch(() => {})
  const active = "select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(60)'"
  await eventually(async () => (await query(url, active)).at(0))
}

/** Expects PostgreSQL and its watcher, which share a process group, to end within five seconds. */
async function expectEnd(postmaster: number): Promise<void> {
  const begin = Date.now()
  await eventually(() => (isAlive(-postmaster) || processesIn(dataDirectory).length > 0 ? undefined : true))
  expect(Date.now() - begin).toBeLessThan(5_000)
}
