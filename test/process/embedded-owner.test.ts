import { readFileSync } from 'node:fs'
import { readdir, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { DataDirectoryInUse, findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import {
  endLeftServer,
  eventually,
  isAlive,
  makeTemporaryFolder,
  postmasterPid,
  query,
  start,
  temporaryFolder,
} from './support/embedded.ts'
import { forkOwner, install, startOwner } from './support/installation.ts'

const installation = makeTemporaryFolder()
beforeAll(() => install(installation))
afterAll(() => rm(installation, { recursive: true }))

// One for all: a first start takes much longer than the others.
const dataDirectory = makeTemporaryFolder()
beforeEach(() => onTestFinished(() => endLeftServer(dataDirectory)))
afterAll(() => rm(dataDirectory, { recursive: true }))

test('is refused to another process, and stops with its owner', async () => {
  const owner = await startOwner(installation, dataDirectory)

  await expect(start(dataDirectory)).rejects.toThrow(DataDirectoryInUse)
  await owner.stop()

  const { url } = await start(dataDirectory)
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('is taken over with its data after its owner was killed', async () => {
  const owner = await startOwner(installation, dataDirectory)
  await query(owner.url, 'create table kept as select 42 as answer')
  const orphan = postmasterPid(dataDirectory)
  await owner.kill()
  expect(isAlive(orphan)).toBe(true)

  const logged: string[] = []
  const { url } = await start(dataDirectory, { log: (message) => logged.push(message) })

  expect(logged).toEqual([expect.stringContaining('of a server that was killed')])
  expect(postmasterPid(dataDirectory)).not.toBe(orphan)
  expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('is taken over although PostgreSQL has not noticed yet that its owner was killed', async () => {
  const owner = await startOwner(installation, dataDirectory)
  const holder = "select pid from pg_locks where locktype = 'advisory'"
  const [connection] = await query<{ pid: number }>(owner.url, holder)
  const pid = connection?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  await owner.kill()

  const starting = start(dataDirectory)
  const looking = `select 1 from pg_stat_activity
    where datname = 'postgres' and backend_type = 'client backend' and pid <> ${pid}`
  await eventually(async () => (await query(owner.url, looking)).at(0))
  process.kill(pid, 'SIGCONT')

  expect(await query((await starting).url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('is not found by a command after its owner was killed', async () => {
  const owner = await startOwner(installation, dataDirectory)
  expect(await findEmbeddedPostgres(dataDirectory)).toBe(owner.url)

  await owner.kill()

  await eventually(async () => ((await findEmbeddedPostgres(dataDirectory)) === undefined ? true : undefined))
  expect(isAlive(postmasterPid(dataDirectory))).toBe(true)
})

test('is not taken from an owner which is alive, though it does not hold the lock at the moment', async () => {
  const owner = await startOwner(installation, dataDirectory)
  const pid = postmasterPid(dataDirectory)
  owner.process.kill('SIGSTOP')
  await query(owner.url, "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory'")

  const second = start(dataDirectory)
  const refused = expect(second).rejects.toThrow(DataDirectoryInUse)
  const looking =
    "select 1 from pg_stat_activity where datname = 'postgres' and backend_type = 'client backend'"
  await eventually(async () => (await query(owner.url, looking)).at(0))
  owner.process.kill('SIGCONT')

  await refused
  expect(postmasterPid(dataDirectory)).toBe(pid)
})

test('survives the ctrl-C of a terminal until its owner stops it', async () => {
  const owner = await startOwner(installation, dataDirectory, { detached: true })

  process.kill(-(owner.process.pid ?? 0), 'SIGINT')

  expect(await query(owner.url, 'select pg_sleep(0.3), 1 as one')).toEqual([{ pg_sleep: '', one: 1 }])
})

test('ends with an owner which ends without stopping it', async () => {
  const owner = await startOwner(installation, dataDirectory)
  const { url } = owner

  owner.process.send('exit')

  await eventually(() =>
    query(url, 'select 1').then(
      () => undefined,
      (error: Error) => error.message.includes('ECONNREFUSED') || undefined,
    ),
  )
})

test.skipIf(process.platform !== 'linux')(
  'starts anew after a first start was killed halfway, and clears away what that left',
  async () => {
    const dataDirectory = temporaryFolder()
    const owner = forkOwner(installation, dataDirectory)
    const half = await eventually(async () => {
      const [name] = (await readdir(dataDirectory)).filter((entry) => entry.startsWith('postgres-new-'))
      const made = await readdir(join(dataDirectory, name ?? '', 'cluster'))
      return made.includes('global') ? join(dataDirectory, name ?? '') : undefined
    })
    const initdb = Number(readFileSync(`/proc/${owner.pid}/task/${owner.pid}/children`, 'utf8'))
    owner.kill('SIGKILL')
    process.kill(-initdb, 'SIGKILL')
    await utimes(half, 0, 0)

    const { url } = await start(dataDirectory)

    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect((await readdir(dataDirectory)).sort()).toEqual(['postgres', 'postgres-password'])
  },
)
