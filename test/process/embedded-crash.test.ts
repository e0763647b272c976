import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { DataDirectoryInUse } from '../../src/embedded/postgres.ts'
import {
  endLeftServer,
  eventually,
  makeTemporaryFolder,
  ordinaryUser,
  postmasterPid,
  query,
  start,
} from './support/embedded.ts'

// One for all: a first start takes much longer than the others.
const dataDirectory = makeTemporaryFolder()
beforeEach(() => onTestFinished(() => endLeftServer(dataDirectory)))
afterAll(() => rm(dataDirectory, { recursive: true }))

test('comes back at the same URL with its data after PostgreSQL was killed, and is still owned', async () => {
  const logged: string[] = []
  const { url } = await start(dataDirectory, { log: (message) => logged.push(message) })
  await query(url, 'create table kept_too as select 42 as answer')

  process.kill(postmasterPid(dataDirectory), 'SIGKILL')

  await eventually(() => logged.find((line) => line.includes('is back')))
  expect(await query(url, 'select answer from kept_too')).toEqual([{ answer: 42 }])
  expect(logged[0]).toContain('crashed')
  await expect(start(dataDirectory)).rejects.toThrow(DataDirectoryInUse)
})

test('keeps trying to come back, until the port is free again', async () => {
  const logged: string[] = []
  const { url } = await start(dataDirectory, { log: (message) => logged.push(message) })
  const port = await crashAndTakePort(url)
  await eventually(() => logged.find((line) => line.includes('Address already in use')))

  port.close()

  await eventually(() => logged.find((line) => line.includes('is back')))
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('stops while it is coming back', async () => {
  const logged: string[] = []
  const { url, stop } = await start(dataDirectory, { log: (message) => logged.push(message) })
  process.kill(postmasterPid(dataDirectory), 'SIGKILL')
  await eventually(() => logged.find((line) => line.includes('crashed')))

  await stop()

  await expect(query(url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  const again = await start(dataDirectory)
  expect(await query(again.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('is owned again after the connection which owns it was ended, without a restart', async () => {
  const logged: string[] = []
  const { url } = await start(dataDirectory, { log: (message) => logged.push(message) })
  const pid = postmasterPid(dataDirectory)

  await query(url, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")

  await eventually(() => logged.find((line) => line.includes('is back')))
  await expect(start(dataDirectory)).rejects.toThrow(DataDirectoryInUse)
  expect(postmasterPid(dataDirectory)).toBe(pid)
})

test('gives up and says so when another server took the data directory', async () => {
  const logged: string[] = []
  const first = await start(dataDirectory, { log: (message) => logged.push(message) })
  await crashAndTakePort(first.url)
  await eventually(() => logged.find((line) => line.includes('Address already in use')))
  const second = await start(dataDirectory)

  await eventually(() => logged.find((line) => line.includes('stays down')))
  await first.stop()

  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('starts although an unrelated process got the number of a PostgreSQL from before a reboot', async () => {
  const first = await start(dataDirectory)
  const file = join(dataDirectory, 'postgres', 'postmaster.pid')
  const content = readFileSync(file, 'utf8')
  await first.stop()
  const other = spawn('sleep', ['60'], { ...ordinaryUser, stdio: 'ignore' })
  onTestFinished(() => void other.kill())
  writeFileSync(file, content.replace(/^\d+/, `${other.pid}`), { mode: 0o644 })

  const { url } = await start(dataDirectory)

  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(other.exitCode ?? other.signalCode).toBeNull()
})

/** Kills the PostgreSQL and keeps its port from it, until closed or the test's end. */
async function crashAndTakePort(url: string): Promise<Server> {
  process.kill(postmasterPid(dataDirectory), 'SIGKILL')
  const port = createServer((socket) => socket.destroy())
  onTestFinished(() => void port.close())
  const listen = () => port.listen(Number(new URL(url).port), '127.0.0.1')
  port.on('error', () => setImmediate(listen))
  await new Promise((taken) => {
    port.once('listening', taken)
    listen()
  })
  return port
}
