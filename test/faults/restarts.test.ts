// Servers that restart while clients use them.
import { cp, readdir, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { askForToken, dataDirectory, demoClients, serve, temporaryFolder } from '../process/support/caller.ts'
import { start } from '../process/support/embedded.ts'
import { signingKeyPem } from '../support/keys.ts'
import { finishCommand, startInstalled } from '../support/service.ts'
import { agentToken } from '../support/tokens.ts'
import { isFull } from './support/amount.ts'
import { openConnections, requestText } from './support/load.ts'
import { callSteadily, type Outcome } from './support/steady-caller.ts'

const restarts = isFull ? 20 : 3
const repository = path.join(import.meta.dirname, '..', '..')
const shared = { JWT_PRIVATE_KEY: signingKeyPem, LOG_LEVEL: 'warn' }

test('on SIGTERM no request fails on a persistent connection: its last response says Connection: close', async () => {
  const folder = await dataDirectory()
  for (let round = 0; round < restarts; round++) {
    const service = await serve({ DATA_DIR: folder })
    const { token } = await askForToken(service, (await demoClients(folder)).agent)
    const request = requestText(token, 'POST', '', '{"type":"chat"}')
    const counts = { answered: 0, lost: 0, closed: 0 }
    const callers = (await openConnections(service.baseUrl, 50)).map(async (connection, n) => {
      for (let isLast = false; !isLast; ) {
        const { status, text } = await connection.send(request)
        isLast = status === 0 || /\r\nconnection: close\r\n/i.test(text)
        if (status === 200) counts.answered++
        else counts.lost++
        if (isLast && status === 200) counts.closed++
        // Some clients send the next request immediately, others after a pause.
        await pause((n % 10) * 30)
      }
    })
    while (counts.answered < 1000) await pause(5)
    expect(await service.stop()).toBe(0)
    await Promise.all(callers)
    expect(counts).toMatchObject({ lost: 0, closed: 50 })
  }
})

test('clients that retry connection errors see no failure while two servers on one database restart in turn', async () => {
  const { url } = await start(await dataDirectory())
  const startServer = async () => serve({ ...shared, DATABASE_URL: url, DATA_DIR: await temporaryFolder() })
  const servers = [await startServer(), await startServer()]
  const { stop } = call(() => servers.map(({ baseUrl }) => baseUrl))
  for (let round = 0; round < 2 * restarts; round++) {
    await pause(500)
    const stopping = servers[round % 2]
    expect(await stopping?.stop()).toBe(0)
    servers[round % 2] = await startServer()
  }
  const outcome = await stop()
  expect(outcome.failures).toEqual([])
  expect(outcome.answered).toBeGreaterThan(1000)
})

test('the previous version serves requests while a migration is applied', async () => {
  const folder = await temporaryFolder()
  const previous = await installWithoutLastMigration()
  // without what the latest migrations are for
  const settings = { ...shared, DATA_DIR: folder, KEEP_TOTALS: 'false', TOKEN_ENDPOINT: 'false' }
  const service = await startInstalled(previous, settings)
  onTestFinished(async () => void (await service.stop('SIGKILL')))
  const { stop } = call(() => [service.baseUrl])
  await pause(500)
  const database = { DATABASE_URL: (await findEmbeddedPostgres(folder)) ?? '' }
  expect(await finishCommand(['migrate'], database)).toMatchObject({
    code: 0,
    errors: expect.stringContaining('migrations applied'),
  })
  await pause(500)
  const outcome = await stop()
  expect(outcome).toMatchObject({ failures: [], retried: 0 })
  expect(outcome.answered).toBeGreaterThan(200)
  expect(await service.stop()).toBe(0)
})

/** Starts 16 clients, half of which pause between requests. `stop` returns the sum of their outcomes. */
function call(servers: () => readonly string[]): { stop: () => Promise<Outcome> } {
  let isOver = false
  const callers = Array.from({ length: 16 }, (_, n) =>
    callSteadily(servers, agentToken(), () => isOver, n % 2 === 0 ? 0 : 20),
  )
  return {
    async stop() {
      isOver = true
      const all = await Promise.all(callers)
      const sum = (read: (outcome: Outcome) => number) => all.reduce((total, one) => total + read(one), 0)
      return {
        answered: sum(({ answered }) => answered),
        retried: sum(({ retried }) => retried),
        failures: all.flatMap(({ failures }) => failures),
      }
    },
  }
}

/** Installs the service without the latest migration. @returns the path of its executable */
async function installWithoutLastMigration(): Promise<string> {
  const folder = await temporaryFolder()
  for (const name of ['bin', 'dist', 'migrations', 'openapi', 'package.json'])
    await cp(path.join(repository, name), path.join(folder, name), { recursive: true })
  await symlink(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'))
  const [latest = ''] = (await readdir(path.join(folder, 'migrations'))).toSorted().reverse()
  await rm(path.join(folder, 'migrations', latest))
  return path.join(folder, 'bin', 'interaction-api.js')
}
