import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DataDirectoryInUse } from '../../src/embedded/postgres.ts'
import {
  eventually,
  ordinaryUser,
  postmasterPid,
  query,
  sharedDataDirectory,
  start,
} from './support/embedded.ts'

const dataDirectory = sharedDataDirectory()

test('restarts at the same URL with its data and its owner after PostgreSQL was killed', async () => {
  const logged: string[] = []
  const { url } = await start(dataDirectory, { log: (message) => logged.push(message) })
  await query(url, 'create table kept_too as select 42 as answer')

  process.kill(postmasterPid(dataDirectory), 'SIGKILL')

  await eventually(() => logged.find((line) => line.includes('is back')))
  expect(await query(url, 'select answer from kept_too')).toEqual([{ answer: 42 }])
  expect(logged[0]).toContain('crashed')
  await expect(start(dataDirectory)).rejects.toThrow(DataDirectoryInUse)
})

test('retries the restart until the port is free again', async () => {
  const logged: string[] = []
  const { url } = await start(dataDirectory, { log: (message) => logged.push(message) })
  const port = await crashAndTakePort(url)
  await eventually(() => logged.find((line) => line.includes('Address already in use')))

  port.close()

  await eventually(() => logged.find((line) => line.includes('is back')))
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('stops during a restart', async () => {
  const logged: string[] = []
  const { url, stop } = await start(dataDirectory, { log: (message) => logged.push(message) })
  process.kill(postmasterPid(dataDirectory), 'SIGKILL')
  await eventually(() => logged.find((line) => line.includes('crashed')))

  await stop()

  await expect(query(url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  const again = await start(dataDirectory)
  expect(await query(again.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('keeps its owner and does not restart when all its connections are ended', async () => {
  const { url } = await start(dataDirectory)
  const pid = postmasterPid(dataDirectory)

  await query(url, 'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()')

  await expect(start(dataDirectory)).rejects.toThrow(DataDirectoryInUse)
  expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(postmasterPid(dataDirectory)).toBe(pid)
})

test('stops restarting, and logs why, when another server has taken the data directory', async () => {
  const logged: string[] = []
  const first = await start(dataDirectory, { log: (message) => logged.push(message) })
  await crashAndTakePort(first.url)
  await eventually(() => logged.find((line) => line.includes('Address already in use')))
  const second = await start(dataDirectory)

  await eventually(() => logged.find((line) => line.includes('stays down')))
  await first.stop()

  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('starts when another program has the process id of a PostgreSQL from before a reboot', async () => {
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

/** Kills PostgreSQL and listens on its port until the returned server is closed or the test ends. */
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
