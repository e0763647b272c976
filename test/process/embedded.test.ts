import { readdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DataDirectoryInUse, findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import {
  eventually,
  isAlive,
  makeTemporaryFolder,
  postmasterPid,
  query,
  start,
  temporaryFolder,
} from './support/embedded.ts'

// Shared by all tests: the first start takes much longer than later ones.
const dataDirectory = makeTemporaryFolder()
afterAll(() => rm(dataDirectory, { recursive: true }))

test('accepts connections at its URL and orders UTF-8 text the same on every system', async () => {
  const { url } = await start(dataDirectory)

  const [row] = await query(
    url,
    `select current_setting('server_version_num')::int / 10000 as version, current_database() as database,
     current_user as role, datlocprovider as provider, datlocale as locale, pg_encoding_to_char(encoding) as encoding
     from pg_database where datname = current_database()`,
  )

  expect(row).toEqual({
    version: 18,
    database: 'interaction_api',
    role: 'interaction_api',
    provider: 'b',
    locale: 'C.UTF-8',
    encoding: 'UTF8',
  })
})

test('listens on 127.0.0.1 only and requires the password', async () => {
  const { url } = await start(dataDirectory)

  const [row] = await query(
    url,
    `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets`,
  )
  const wrong = Object.assign(new URL(url), { password: 'wrong' }).href

  expect(row).toEqual({ addresses: '127.0.0.1', sockets: '' })
  await expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed')
})

test('keeps its files private', async () => {
  const dataDirectory = join(temporaryFolder(), 'data')
  await start(dataDirectory)

  const modes = ['', 'postgres', 'postgres-password'].map(
    (name) => statSync(join(dataDirectory, name)).mode & 0o777,
  )

  expect(modes).toEqual([0o700, 0o700, 0o600])
  expect(readdirSync(dataDirectory).sort()).toEqual(['postgres', 'postgres-password'])
})

test('keeps the data after a restart', async () => {
  const first = await start(dataDirectory)
  await query(first.url, 'create table kept as select 42 as answer')
  await first.stop()

  const second = await start(dataDirectory)

  expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }])
})

test('stop ends PostgreSQL and its connections, and is idempotent', async () => {
  const { url, stop } = await start(dataDirectory)
  const pid = postmasterPid(dataDirectory)
  const running = query(url, 'select pg_sleep(60)')
  const statement = "select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(60)'"
  await eventually(async () => (await query(url, statement)).at(0))

  await Promise.all([stop(), stop(), expect(running).rejects.toThrow('terminating connection')])
  await stop()

  expect(isAlive(pid)).toBe(false)
  await expect(query(url, 'select 1')).rejects.toThrow('ECONNREFUSED')
})

test('rejects a second owner, names the directory and leaves the first one running', async () => {
  const { url } = await start(dataDirectory)
  const pid = postmasterPid(dataDirectory)

  const second = start(dataDirectory)

  await expect(second).rejects.toThrow(DataDirectoryInUse)
  await expect(second).rejects.toThrow(dataDirectory)
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(postmasterPid(dataDirectory)).toBe(pid)
})

test('only one of several concurrent first starts gets the data directory', async () => {
  const dataDirectory = temporaryFolder()

  const starts = await Promise.allSettled([1, 2, 3].map(() => start(dataDirectory)))

  const [started, ...more] = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect(more).toEqual([])
  expect(await query(started?.url ?? '', 'select 1 as one')).toEqual([{ one: 1 }])
  for (const one of starts)
    if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(DataDirectoryInUse)
})

test('accepts settings, except those for listening', async () => {
  const { url } = await start(dataDirectory, { settings: { work_mem: '7MB', listen_addresses: '*' } })

  expect(await query(url, 'show work_mem')).toEqual([{ work_mem: '7MB' }])
  expect(await query(url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }])
})

test('reports the message of PostgreSQL when it does not start', async () => {
  const failing = start(dataDirectory, { settings: { no_such_setting: '1' } })

  await expect(failing).rejects.toThrow('unrecognized configuration parameter "no_such_setting"')
})

test('findEmbeddedPostgres returns its URL while it runs', async () => {
  const dataDirectory = temporaryFolder()
  expect(await findEmbeddedPostgres(dataDirectory)).toBeUndefined()
  const { url, stop } = await start(dataDirectory)

  expect(await findEmbeddedPostgres(dataDirectory)).toBe(url)

  await stop()
  expect(await findEmbeddedPostgres(dataDirectory)).toBeUndefined()
})

test('does not log data', async () => {
  const logged: string[] = []
  const { url } = await start(dataDirectory, { log: (message) => logged.push(message) })
  await query(url, 'create table customers (email text primary key)')
  await query(url, "insert into customers values ('ada@example.com')")
  await expect(query(url, "insert into customers values ('ada@example.com')")).rejects.toThrow('duplicate')
  await expect(query(url, "select 'ada@example.com'::int")).rejects.toThrow('invalid input')

  const crash = query(url, "select pg_sleep(60) where 'ada@example.com' > ''")
  await eventually(async () => {
    const find = "select pid from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
    return (await query<{ pid: number }>(url, find)).map(({ pid }) => process.kill(pid, 'SIGKILL')).at(0)
  })
  await expect(crash).rejects.toThrow()
  await eventually(() => logged.find((line) => line.includes('is back')))

  expect(logged.join()).toContain('terminated by signal 9')
  expect(logged.join()).not.toContain('ada@example.com')
})
