import { readFileSync } from 'node:fs'
import { readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { DataDirectoryInUse, findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import {
  eventually,
  isAlive,
  postmasterPid,
  query,
  sharedDataDirectory,
  start,
  temporaryFolder,
} from './support/embedded.ts'
import { forkOwner, sharedInstallation, startOwner } from './support/installation.ts'

const installation = sharedInstallation()
const dataDirectory = sharedDataDirectory()

test('rejects a second process, and stops with its owner', async () => {
  const owner = await startOwner(installation, dataDirectory)

  await expect(start(dataDirectory)).rejects.toThrow(DataDirectoryInUse)
  await owner.stop()

  const { url } = await start(dataDirectory)
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('starts with all data immediately after its owner was killed, three times', async () => {
  for (const round of [1, 2, 3]) {
    const owner = await startOwner(installation, dataDirectory)
    await query(owner.url, 'create table if not exists rounds (round int)')
    await query(owner.url, `insert into rounds values (${round})`)
    await owner.kill()
  }

  const { url } = await start(dataDirectory)

  expect(await query(url, 'select round from rounds order by round')).toEqual([
    { round: 1 },
    { round: 2 },
    { round: 3 },
  ])
})

test('waits for the PostgreSQL of a killed owner, then starts with its data', async () => {
  const owner = await startOwner(installation, dataDirectory)
  await query(owner.url, 'create table kept as select 42 as answer')
  const orphan = postmasterPid(dataDirectory)
  process.kill(orphan, 'SIGSTOP')
  await owner.kill()
  expect(isAlive(orphan)).toBe(true)

  const logged: string[] = []
  const starting = start(dataDirectory, { log: (message) => logged.push(message) })
  await eventually(() => logged.at(0))
  process.kill(orphan, 'SIGCONT')
  const { url } = await starting

  expect(logged).toEqual([expect.stringContaining('of a server that was killed')])
  expect(postmasterPid(dataDirectory)).not.toBe(orphan)
  expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('waits while a connection keeps the PostgreSQL of a killed owner from shutting down', async () => {
  const owner = await startOwner(installation, dataDirectory)
  const client = new Client(owner.url)
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const pid = rows[0]?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  await owner.kill()

  const logged: string[] = []
  const starting = start(dataDirectory, { log: (message) => logged.push(message) })
  await eventually(() => logged.at(0))
  process.kill(pid, 'SIGCONT')

  expect(await query((await starting).url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('waits while another server is writing the lock file of PostgreSQL', async () => {
  const first = await start(dataDirectory)
  await first.stop()
  const lockFile = join(dataDirectory, 'postgres', 'postmaster.pid')
  await writeFile(lockFile, '')
  setTimeout(() => void rm(lockFile, { force: true }), 500)

  const { url } = await start(dataDirectory)

  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('is not found after its owner was killed', async () => {
  const owner = await startOwner(installation, dataDirectory)
  expect(await findEmbeddedPostgres(dataDirectory)).toBe(owner.url)
  const pid = postmasterPid(dataDirectory)
  process.kill(pid, 'SIGSTOP')

  await owner.kill()

  expect(await findEmbeddedPostgres(dataDirectory)).toBeUndefined()
  expect(isAlive(pid)).toBe(true)
  process.kill(pid, 'SIGCONT')
})

test('rejects a second owner while the first is alive but does not respond', async () => {
  const owner = await startOwner(installation, dataDirectory)
  const pid = postmasterPid(dataDirectory)
  owner.process.kill('SIGSTOP')

  await expect(start(dataDirectory)).rejects.toThrow(DataDirectoryInUse)
  owner.process.kill('SIGCONT')

  expect(await query(owner.url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(postmasterPid(dataDirectory)).toBe(pid)
})

test('keeps running after ctrl-C in a terminal until its owner stops it', async () => {
  const owner = await startOwner(installation, dataDirectory, { detached: true })

  process.kill(-(owner.process.pid ?? 0), 'SIGINT')

  expect(await query(owner.url, 'select pg_sleep(0.3), 1 as one')).toEqual([{ pg_sleep: '', one: 1 }])
})

test('ends when its owner exits without stopping it', async () => {
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
  'ends a first start when its owner is killed; the next start succeeds and removes the leftover files',
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
    await eventually(() => (isAlive(-initdb) ? undefined : true))
    await utimes(half, 0, 0)

    const { url } = await start(dataDirectory)

    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect((await readdir(dataDirectory)).sort()).toEqual(['postgres', 'postgres-password'])
  },
)
